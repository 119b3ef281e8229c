"""The rules of FOCUS 1.2 that can be checked on a file alone, by the ids of the official model.

Facts derived from the FOCUS 1.2 specification and its machine-readable model (FinOps Foundation,
CC BY 4.0 and MIT). Rules that need the provider's word (what it supports, what a unit means,
other files) are not here; docs/reference/focus.md counts both.

Where the model contradicts the text of the specification the text is followed:
CommitmentDiscountStatus is Used or Unused, and is filled where there is a discount.
"""

from typing import Final

# column -> number of the rule CostAndUsage-D-... that wants it in every file
PRESENT: Final = {
    "BillingAccountName": "005-M", "BilledCost": "006-M", "ChargeCategory": "008-M",
    "BillingPeriodStart": "009-M", "BillingPeriodEnd": "010-M", "PublisherName": "021-M",
    "InvoiceIssuerName": "023-M", "BillingAccountId": "024-M", "ChargeDescription": "025-M",
    "ChargeClass": "026-M", "ChargeFrequency": "027-O", "ChargePeriodEnd": "028-M",
    "ContractedCost": "030-M", "EffectiveCost": "031-M", "ListCost": "032-M",
    "InvoiceId": "033-O", "BillingCurrency": "035-M", "PricingQuantity": "036-M",
    "ChargePeriodStart": "037-M", "ProviderName": "038-M", "ServiceCategory": "040-M",
    "ServiceName": "041-M", "ServiceSubcategory": "042-O", "PricingUnit": "068-M",
}  # fmt: skip
NOT_SINCE_1_4: Final = ("ProviderName", "PublisherName")  # ServiceProviderName took their place

# column -> number of its rule, as in BilledCost-C-003-M
NEVER_NULL: Final = {
    "InvoiceIssuerName": ("003-M",), "ProviderName": ("003-M",), "BillingAccountId": ("001-M",),
    "BillingPeriodStart": ("003-M",), "BillingPeriodEnd": ("003-M",), "ChargeCategory": ("002-M",),
    "PublisherName": ("003-M",), "ServiceCategory": ("002-M",), "ChargePeriodStart": ("003-M",),
    "ChargePeriodEnd": ("003-M",), "ChargeFrequency": ("002-M",), "PricingCurrency": ("004-M",),
    "PricingCurrencyEffectiveCost": ("003-M",), "ServiceName": ("003-M",),
    "BillingCurrency": ("004-M",), "ServiceSubcategory": ("002-M",), "BilledCost": ("003-M",),
    "EffectiveCost": ("003-M", "004-M"), "ListCost": ("003-M", "004-M"),
    "ContractedCost": ("003-M", "004-M"), "BillingAccountName": ("003-C",),
    "ChargeDescription": ("003-O",),
}  # fmt: skip
NUMERIC: Final = {
    "ListUnitPrice": ("001-M", "002-M"), "PricingQuantity": ("001-M", "002-M"),
    "PricingCurrencyListUnitPrice": ("001-M", "002-M"), "ConsumedQuantity": ("001-M", "002-M"),
    "PricingCurrencyContractedUnitPrice": ("001-M", "002-M"),
    "PricingCurrencyEffectiveCost": ("001-M", "002-M"),
    "CommitmentDiscountQuantity": ("001-M", "002-M"), "EffectiveCost": ("001-M", "002-M"),
    "BilledCost": ("001-M", "002-M", "004-M"), "ContractedUnitPrice": ("002-M", "003-M"),
    "ContractedCost": ("001-M", "002-M"), "ListCost": ("001-M", "002-M"),
}  # fmt: skip
TIMES: Final = {  # is a time; is written YYYY-MM-DDThh:mm:ssZ
    "BillingPeriodStart": ("001-M", "002-M"), "BillingPeriodEnd": ("001-M", "002-M"),
    "ChargePeriodStart": ("001-M", "002-M"), "ChargePeriodEnd": ("001-M", "002-M"),
}  # fmt: skip
CURRENCIES: Final = {"BillingCurrency": ("003-M", "006-M"), "PricingCurrency": ("003-M",)}
KEY_VALUES: Final = {"SkuPriceDetails": ("001-M",), "Tags": ("001-M",)}
NULL_WITHOUT: Final = {  # null where the other is null
    "CommitmentDiscountName": ("004-C", "CommitmentDiscountId"),
    "CommitmentDiscountCategory": ("003-C", "CommitmentDiscountId"),
    "CommitmentDiscountType": ("004-C", "CommitmentDiscountId"),
    "CommitmentDiscountStatus": ("003-C", "CommitmentDiscountId"),
    "CommitmentDiscountUnit": ("005-C", "CommitmentDiscountQuantity"),
    "SkuMeter": ("004-C", "SkuId"),
    "SkuPriceDetails": ("004-C", "SkuPriceId"),
    "ConsumedUnit": ("005-C", "ConsumedQuantity"),
    "ResourceType": ("004-C", "ResourceId"),
    "SubAccountType": ("004-C", "SubAccountId"),
    "SubAccountName": ("004-C", "SubAccountId"),
    "BillingAccountType": ("004-C", "BillingAccountId"),
    "PricingUnit": ("005-C", "PricingQuantity"),
    "CapacityReservationStatus": ("003-C", "CapacityReservationId"),
    "RegionName": ("004-C", "RegionId"),
    "ResourceName": ("004-C", "ResourceId"),
}
FILLED_WITH: Final = {  # not null where the other is not null
    "CommitmentDiscountCategory": ("004-C", "CommitmentDiscountId"),
    "CommitmentDiscountType": ("005-C", "CommitmentDiscountId"),
    "CommitmentDiscountUnit": ("006-C", "CommitmentDiscountQuantity"),
    "SkuMeter": ("005-C", "SkuId"),
    "ConsumedUnit": ("006-C", "ConsumedQuantity"),
    "ResourceType": ("005-C", "ResourceId"),
    "SubAccountType": ("005-C", "SubAccountId"),
    "SubAccountName": ("005-C", "SubAccountId"),
    "BillingAccountType": ("005-C", "BillingAccountId"),
    "PricingUnit": ("006-C", "PricingQuantity"),
    "RegionName": ("005-C", "RegionId"),
}
NULL_FOR_TAX: Final = {
    "ListUnitPrice": "004-C", "PricingQuantity": "004-C", "SkuPriceId": "004-C", "SkuId": "004-C",
    "PricingCurrencyListUnitPrice": "004-C", "PricingCategory": "003-C",
    "ContractedUnitPrice": "005-C", "PricingCurrencyContractedUnitPrice": "004-C",
}  # fmt: skip
FILLED_FOR_USE: Final = {  # usage or purchase that is no correction
    "ListUnitPrice": "005-C", "PricingQuantity": "005-C", "SkuPriceId": "005-C", "SkuId": "005-C",
    "PricingCurrencyListUnitPrice": "005-C", "PricingCategory": "004-C",
    "ContractedUnitPrice": "006-C", "PricingCurrencyContractedUnitPrice": "005-C",
}  # fmt: skip
NOT_NEGATIVE: Final = {
    "ListUnitPrice": "008-M", "PricingCurrencyListUnitPrice": "008-M",
    "ContractedUnitPrice": "009-C",
}  # fmt: skip
PRODUCTS: Final = (  # rule, price, cost: price x PricingQuantity is the cost, corrections apart
    ("ListUnitPrice-C-010-C", "ListUnitPrice", "ListCost"),
    ("ListCost-C-009-C", "ListUnitPrice", "ListCost"),
    ("ContractedUnitPrice-C-011-C", "ContractedUnitPrice", "ContractedCost"),
)
ALLOWED: Final = {
    "ChargeCategory": ("003-M", ("Usage", "Purchase", "Tax", "Credit", "Adjustment")),
    "ChargeClass": ("005-C", ("Correction",)),
    "ChargeFrequency": ("003-M", ("One-Time", "Recurring", "Usage-Based")),
    "PricingCategory": ("007-M", ("Standard", "Committed", "Dynamic", "Other")),
    "CommitmentDiscountCategory": ("005-M", ("Spend", "Usage")),
    "CommitmentDiscountStatus": ("005-M", ("Used", "Unused")),
    "CapacityReservationStatus": ("006-M", ("Used", "Unused")),
}
SUBCATEGORIES: Final = {  # each category also has "Other (its name)"
    "AI and Machine Learning": (
        "AI Platforms", "Bots", "Generative AI", "Machine Learning", "Natural Language Processing",
    ),
    "Analytics": (
        "Analytics Platforms", "Business Intelligence", "Data Processing", "Search",
        "Streaming Analytics",
    ),
    "Business Applications": ("Productivity and Collaboration",),
    "Compute": (
        "Containers", "End User Computing", "Quantum Compute", "Serverless Compute",
        "Virtual Machines",
    ),
    "Databases": (
        "Caching", "Data Warehouses", "Ledger Databases", "NoSQL Databases",
        "Relational Databases", "Time Series Databases",
    ),
    "Developer Tools": (
        "Developer Platforms", "Continuous Integration and Deployment",
        "Development Environments", "Source Code Management", "Quality Assurance",
    ),
    "Identity": ("Identity and Access Management",),
    "Integration": ("API Management", "Messaging", "Workflow Orchestration"),
    "Internet of Things": ("IoT Analytics", "IoT Platforms"),
    "Management and Governance": (
        "Architecture", "Compliance", "Cost Management", "Data Governance", "Disaster Recovery",
        "Endpoint Management", "Observability", "Support",
    ),
    "Media": ("Content Creation", "Gaming", "Media Streaming", "Mixed Reality"),
    "Migration": ("Data Migration", "Resource Migration"),
    "Mobile": (),
    "Multicloud": ("Multicloud Integration",),
    "Networking": (
        "Application Networking", "Content Delivery", "Network Connectivity",
        "Network Infrastructure", "Network Routing", "Network Security",
    ),
    "Security": (
        "Secret Management", "Security Posture Management", "Threat Detection and Response",
    ),
    "Storage": (
        "Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms",
    ),
    "Web": ("Application Platforms",),
    "Other": (),
}  # fmt: skip
