"""Functions as programs that run elsewhere: kernels in WGSL, buffers, the order of launches.

    exported = export(lambda a, b: (a @ b).softmax(), Port("a", float32, (4, 3)), …)
    document(exported)                        # as JSON, which reports/webpage.py makes a page of
"""

from engine.export.capture import ExportError, Port, Program, capture
from engine.export.document import document
from engine.export.plan import Exported, Floats, export, planned_for

__all__ = [
    "ExportError", "Exported", "Floats", "Port", "Program", "capture", "document", "export",
    "planned_for",
]  # fmt: skip
