"""AWS as a target: volumes, instances, SageMaker endpoints, tags, prefixes in S3.

Location: the region. `options.profile` names the profile of the AWS configuration that may write;
what each verb needs is in roles/aws-VERB.json.
"""

from watermaster.act.aws_account import Account
from watermaster.act.aws_endpoint import Endpoints
from watermaster.act.aws_instance import Instances
from watermaster.act.aws_replicate import Replicas
from watermaster.act.aws_store import Expiry
from watermaster.act.aws_tags import Tags
from watermaster.act.aws_volume import Volumes
from watermaster.act.verbs import VerbTarget
from watermaster.model.acts import Target, TargetSpec


def target(spec: TargetSpec) -> Target:
    """BadResourceError where no profile is named; nothing is asked yet."""
    account = Account(spec)
    volumes = Volumes(account)
    return VerbTarget(
        {
            "snapshot-delete": volumes, "stop": Instances(account), "scale": Endpoints(account),
            "tag": Tags(account), "expire": Expiry(account), "replicate": Replicas(account),
        },
        {"snapshot": volumes, "delete": volumes},
    )  # fmt: skip
