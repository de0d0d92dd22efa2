"""The contract between Onthaal and a case service: messages, resources, problems, and the receiver kit.

Only pydantic is required; `onthaal_schema.intake` needs the extra `client`, `onthaal_schema.receiver`
the extra `receiver`.
"""
