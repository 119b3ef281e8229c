"""FOCUS service categories of the services of AWS and Azure; what is not listed is Other."""

from typing import Final

_AI: Final = ("AI and Machine Learning", "AI Platforms")
_GENERATIVE: Final = ("AI and Machine Learning", "Generative AI")
_VM: Final = ("Compute", "Virtual Machines")
_CONTAINERS: Final = ("Compute", "Containers")
_SERVERLESS: Final = ("Compute", "Serverless Compute")
_OBJECTS: Final = ("Storage", "Object Storage")
_FILES: Final = ("Storage", "File Storage")
_SQL: Final = ("Databases", "Relational Databases")
_NOSQL: Final = ("Databases", "NoSQL Databases")
_CACHE: Final = ("Databases", "Caching")
_WAREHOUSE: Final = ("Databases", "Data Warehouses")
_ANALYTICS: Final = ("Analytics", "Analytics Platforms")
_NETWORK: Final = ("Networking", "Network Infrastructure")
_CDN: Final = ("Networking", "Content Delivery")
_CONNECT: Final = ("Networking", "Network Connectivity")
_MESSAGES: Final = ("Integration", "Messaging")
_SECRETS: Final = ("Security", "Secret Management")
_SECURITY: Final = ("Security", "Threat Detection and Response")
_WATCH: Final = ("Management and Governance", "Observability")
_SUPPORT: Final = ("Management and Governance", "Support")
OTHER: Final = ("Other", "Other (Other)")

AWS: Final = {  # lineItem/ProductCode
    "AmazonEC2": _VM, "ComputeSavingsPlans": ("Compute", "Other (Compute)"),
    "AmazonEKS": _CONTAINERS, "AmazonECS": _CONTAINERS, "AmazonECR": _CONTAINERS,
    "AWSLambda": _SERVERLESS, "AmazonSageMaker": _AI, "MachineLearningSavingsPlans": _AI,
    "AmazonBedrock": _GENERATIVE, "AmazonS3": _OBJECTS, "AmazonS3GlacierDeepArchive": _OBJECTS,
    "AmazonGlacier": _OBJECTS, "AmazonEFS": _FILES, "AmazonFSx": _FILES, "AmazonRDS": _SQL,
    "AmazonDynamoDB": _NOSQL, "AmazonDocDB": _NOSQL, "AmazonElastiCache": _CACHE,
    "AmazonRedshift": _WAREHOUSE, "AmazonAthena": _ANALYTICS, "AWSGlue": _ANALYTICS,
    "ElasticMapReduce": _ANALYTICS, "AmazonKinesis": ("Analytics", "Streaming Analytics"),
    "AmazonES": ("Analytics", "Search"), "AmazonVPC": _NETWORK, "AWSELB": _NETWORK,
    "AmazonRoute53": _NETWORK, "AWSDataTransfer": _CONNECT, "AWSDirectConnect": _CONNECT,
    "AmazonCloudFront": _CDN, "AWSQueueService": _MESSAGES, "AmazonSNS": _MESSAGES,
    "AmazonMQ": _MESSAGES, "AmazonApiGateway": ("Integration", "API Management"),
    "awskms": _SECRETS, "AWSSecretsManager": _SECRETS, "AmazonGuardDuty": _SECURITY,
    "AmazonCloudWatch": _WATCH, "AWSCloudTrail": _WATCH, "AWSSupportBusiness": _SUPPORT,
    "AWSSupportEnterprise": _SUPPORT, "AWSDeveloperSupport": _SUPPORT,
}  # fmt: skip
AZURE: Final = {  # meterCategory
    "Virtual Machines": _VM, "Virtual Machines Licenses": _VM,
    "Azure Kubernetes Service": _CONTAINERS, "Container Instances": _CONTAINERS,
    "Container Registry": _CONTAINERS, "Azure Container Apps": _CONTAINERS,
    "Functions": _SERVERLESS, "Azure App Service": ("Compute", "Other (Compute)"),
    "Azure Machine Learning": _AI, "Cognitive Services": _GENERATIVE,
    "Azure OpenAI": _GENERATIVE, "Foundry Models": _GENERATIVE,
    "Storage": ("Storage", "Other (Storage)"), "Azure NetApp Files": _FILES,
    "SQL Database": _SQL, "SQL Managed Instance": _SQL, "Azure Database for PostgreSQL": _SQL,
    "Azure Database for MySQL": _SQL, "Azure Cosmos DB": _NOSQL, "Redis Cache": _CACHE,
    "Azure Synapse Analytics": _WAREHOUSE, "Azure Databricks": _ANALYTICS,
    "Microsoft Fabric": _ANALYTICS, "Event Hubs": ("Analytics", "Streaming Analytics"),
    "Virtual Network": _NETWORK, "Load Balancer": _NETWORK, "Azure DNS": _NETWORK,
    "Application Gateway": ("Networking", "Application Networking"), "Bandwidth": _CONNECT,
    "VPN Gateway": _CONNECT, "ExpressRoute": _CONNECT, "Content Delivery Network": _CDN,
    "Service Bus": _MESSAGES, "API Management": ("Integration", "API Management"),
    "Key Vault": _SECRETS, "Microsoft Defender for Cloud": _SECURITY, "Azure Monitor": _WATCH,
    "Log Analytics": _WATCH,
}  # fmt: skip
