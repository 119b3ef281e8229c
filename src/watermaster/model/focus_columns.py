"""FOCUS columns of `charges`: our snake_case name, type, and the FOCUS name.

The union of the Cost and Usage columns of FOCUS 1.0 to 1.4 (FinOps Foundation, CC BY 4.0).
Dates are UTC. Money and unit prices are decimal(28, 15); quantities decimal(38, 15), since bytes
pass 13 digits.
"""

from typing import Final

FOCUS_NAMES: Final = {
    "allocated_method_details": "AllocatedMethodDetails",
    "allocated_method_id": "AllocatedMethodId",
    "allocated_resource_id": "AllocatedResourceId",
    "allocated_resource_name": "AllocatedResourceName",
    "allocated_tags": "AllocatedTags",
    "availability_zone": "AvailabilityZone",
    "billed_cost": "BilledCost",
    "billing_account_id": "BillingAccountId",
    "billing_account_name": "BillingAccountName",
    "billing_account_type": "BillingAccountType",
    "billing_currency": "BillingCurrency",
    "billing_period_end": "BillingPeriodEnd",
    "billing_period_start": "BillingPeriodStart",
    "capacity_reservation_id": "CapacityReservationId",
    "capacity_reservation_status": "CapacityReservationStatus",
    "charge_category": "ChargeCategory",
    "charge_class": "ChargeClass",
    "charge_description": "ChargeDescription",
    "charge_frequency": "ChargeFrequency",
    "charge_period_end": "ChargePeriodEnd",
    "charge_period_start": "ChargePeriodStart",
    "commitment_discount_category": "CommitmentDiscountCategory",
    "commitment_discount_id": "CommitmentDiscountId",
    "commitment_discount_name": "CommitmentDiscountName",
    "commitment_discount_quantity": "CommitmentDiscountQuantity",
    "commitment_discount_status": "CommitmentDiscountStatus",
    "commitment_discount_type": "CommitmentDiscountType",
    "commitment_discount_unit": "CommitmentDiscountUnit",
    "commitment_program_eligibility_details": "CommitmentProgramEligibilityDetails",
    "consumed_quantity": "ConsumedQuantity",
    "consumed_unit": "ConsumedUnit",
    "contract_applied": "ContractApplied",
    "contracted_cost": "ContractedCost",
    "contracted_unit_price": "ContractedUnitPrice",
    "effective_cost": "EffectiveCost",
    "host_provider_name": "HostProviderName",
    "invoice_detail_id": "InvoiceDetailId",
    "invoice_id": "InvoiceId",
    "invoice_issuer_name": "InvoiceIssuerName",
    "list_cost": "ListCost",
    "list_unit_price": "ListUnitPrice",
    "pricing_category": "PricingCategory",
    "pricing_currency": "PricingCurrency",
    "pricing_currency_contracted_unit_price": "PricingCurrencyContractedUnitPrice",
    "pricing_currency_effective_cost": "PricingCurrencyEffectiveCost",
    "pricing_currency_list_unit_price": "PricingCurrencyListUnitPrice",
    "pricing_quantity": "PricingQuantity",
    "pricing_unit": "PricingUnit",
    "provider_name": "ProviderName",
    "publisher_name": "PublisherName",
    "region_id": "RegionId",
    "region_name": "RegionName",
    "resource_id": "ResourceId",
    "resource_name": "ResourceName",
    "resource_type": "ResourceType",
    "service_category": "ServiceCategory",
    "service_name": "ServiceName",
    "service_provider_name": "ServiceProviderName",
    "service_subcategory": "ServiceSubcategory",
    "sku_id": "SkuId",
    "sku_meter": "SkuMeter",
    "sku_price_details": "SkuPriceDetails",
    "sku_price_id": "SkuPriceId",
    "sub_account_id": "SubAccountId",
    "sub_account_name": "SubAccountName",
    "sub_account_type": "SubAccountType",
}
"""Our name to the FOCUS name."""

_MONEY = "decimal(28, 15)"
_QUANTITY = "decimal(38, 15)"
_TIME = "timestamp('UTC')"
_TYPES: Final = {
    "billed_cost": _MONEY,
    "billing_period_end": _TIME,
    "billing_period_start": _TIME,
    "charge_period_end": _TIME,
    "charge_period_start": _TIME,
    "commitment_discount_quantity": _QUANTITY,
    "consumed_quantity": _QUANTITY,
    "contracted_cost": _MONEY,
    "contracted_unit_price": _MONEY,
    "effective_cost": _MONEY,
    "list_cost": _MONEY,
    "list_unit_price": _MONEY,
    "pricing_currency_contracted_unit_price": _MONEY,
    "pricing_currency_effective_cost": _MONEY,
    "pricing_currency_list_unit_price": _MONEY,
    "pricing_quantity": _QUANTITY,
}

FOCUS_COLUMNS: Final = tuple(
    (name, _TYPES.get(name, "string"), f"FOCUS {focus}") for name, focus in FOCUS_NAMES.items()
)
