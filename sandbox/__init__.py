"""Stand-ins for the providers: stateful, strict, and faulty on demand."""

from sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]
