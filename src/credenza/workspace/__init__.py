"""The core: apply, view, reveal, history, rollback, for one actor in one workspace."""

from credenza.workspace.face import Workspace
from credenza.workspace.policy import Policy, milliseconds
from credenza.workspace.reveal import Resolved
from credenza.workspace.saving import Mode, Once
from credenza.workspace.view import View

__all__ = ["Mode", "Once", "Policy", "Resolved", "View", "Workspace", "milliseconds"]
