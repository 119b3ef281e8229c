"""A double of a Kubernetes API server, for tests: real HTTP, real protocol, nothing behind it.

No API server can be had where these tests run. The double keeps objects in memory and speaks the
part of the protocol that clients rely on: discovery, lists by page and selector, watches with
resume, resource versions, conflicts, patches, the scale subresource, owners' cascades. What it is
worth is shown by tests/kubernetes_double/test_kubectl.py, which drives it with real kubectls.
"""

from tests.kubernetes_double.server import Double

__all__ = ["Double"]
