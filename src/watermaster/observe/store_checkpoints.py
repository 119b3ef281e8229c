"""Which folders of a store are checkpoints: by the layouts of the common frameworks."""

import re
from typing import Final

# a folder of one step: Hugging Face, DeepSpeed, Megatron, NeMo, Lightning, Orbax
STEP: Final = re.compile(
    r"^(checkpoint|ckpt|global_step|iter|step|epoch)[-_=]?\d+([-_=.].*)?$", re.IGNORECASE
)
# weights by their own name, wherever they lie
WEIGHTS: Final = re.compile(
    r"\.(safetensors|ckpt|gguf|distcp|nemo)$"
    r"|^(pytorch_model|adapter_model|tf_model|flax_model)[^/]*\.(bin|h5|msgpack)$"
    r"|^(model|best|last|weights|optimizer|model_optim_rng|consolidated\.\d+)\.(pt|pth|bin)$"
    r"|^(mp_rank|zero_pp_rank|bf16_zero_pp_rank|layer)_\d[^/]*states\.pt$"
    r"|^(model\.)?ckpt-\d+\.index$"
    r"|^(_CHECKPOINT_METADATA|saved_model\.pb)$",
    re.IGNORECASE,
)
# weights only where the folder says it is a step
OF_A_STEP: Final = re.compile(r"\.(pt|pth|bin|h5|npz|msgpack)$", re.IGNORECASE)


def is_step(folder: str) -> bool:
    """Whether a folder's name is that of one step of a training."""
    return STEP.match(folder) is not None


def is_weights(name: str) -> bool:
    """Whether a file is a part of a model, by its name alone."""
    return WEIGHTS.search(name) is not None
