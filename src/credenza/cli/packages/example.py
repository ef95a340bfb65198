"""What `credenza package init` writes: a small package, with what there is to know about each part of it."""

from __future__ import annotations

PACKAGE = """\
# A package: a set of connectors that is authored once, published in versions, and installed in workspaces.
#   credenza package validate .        checks it; nothing is saved
#   credenza package publish .         publishes its version, which never changes afterwards
#   credenza package install {slug}    makes its members integrations of a workspace
slug: {slug}
name: {name}
description: A model, and the vector database that it looks things up in.
version: 1.0.0 # raise it before publishing again; versions only go up
changelog: The first version.

# What an installer fills in, as a JSON Schema. A variable with `format: password` is a secret: it is asked
# for without showing it, or read from a file, and has no default here.
variablesSchema:
  type: object
  required: [openai_key, pinecone_key]
  properties:
    prefix:
      type: string
      description: What the names of the integrations begin with.
      pattern: "^[a-z][a-z0-9-]{{0,30}}$"
      default: {slug}
    openai_key: {{type: string, format: password}}
    pinecone_key: {{type: string, format: password}}

# Each member becomes an integration. Small packages list them here, others write a file for each, which is
# called as the member: members/store.yaml.
manifest:
  members:
    - slug: chat
      dependsOn: [store] # whoever installs this one gets that one too
      integration:
        name: ${{variables.prefix}}-chat
        type: openai # `credenza types openai` shows what it is configured with
        configuration:
          api_key: ${{variables.openai_key}} # a secret key takes a secret variable, and nothing else
        apis:
          - api: gpt-4o
"""

MEMBER = """\
default: true # installed unless somebody chooses otherwise
integration:
  name: ${variables.prefix}-store
  type: pineconedb
  configuration:
    api_key: ${variables.pinecone_key}
    projectName: example
    environment: us-east-1
"""


def write_package(slug: str) -> str:
    """Return the text of the package's own file."""
    return PACKAGE.format(slug=slug, name=slug.replace("-", " ").replace("_", " ").capitalize())
