"""Azure as a target: managed disks, virtual machines, Azure ML endpoints, tags, blobs.

`options.clientId` names the identity that may write; what each verb needs is in
roles/azure-VERB.json. For blobs the location is the storage account.
"""

import functools

from watermaster.act.azure_arm import Arm
from watermaster.act.azure_blobs import Blobs
from watermaster.act.azure_disk import Disks
from watermaster.act.azure_machine import Deployments, Machines
from watermaster.act.azure_store import BlobStore
from watermaster.act.azure_tags import Tags
from watermaster.act.verbs import VerbTarget
from watermaster.model.acts import Target, TargetSpec
from watermaster.model.errors import BadResourceError


def target(spec: TargetSpec) -> Target:
    """BadResourceError where nobody is named who may write; nothing is asked yet."""
    if not {"clientId", "tokenFile", "connection"} & spec.options.keys():
        fix = "name the client id of the identity that may write"
        raise BadResourceError("options.clientId", "no identity that may write", fix)
    arm = functools.cache(lambda: Arm(spec))
    disks, blobs = Disks(arm), Blobs(BlobStore(spec))
    return VerbTarget(
        {
            "snapshot-delete": disks, "stop": Machines(arm), "scale": Deployments(arm),
            "tag": Tags(arm), "expire": blobs, "replicate": blobs,
        },
        {"snapshot": disks, "delete": disks},
    )  # fmt: skip
