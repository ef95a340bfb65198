"""The bulk-save surface: `/api/integrations…` as existing clients call it."""
