"""Operators and their sessions."""

from uuid import UUID

from pydantic import AwareDatetime

from onthaal_schema.wire import Line, Resource, Submitted


class SignIn(Submitted):
    """The one-time code of a sign-in link."""

    code: Line


class SessionSecret(Submitted):
    """The secret of a session, to renew its token or to end it."""

    secret: Line


class Session(Resource):
    """A signed-in operator: a short-lived token that every service verifies offline, and a secret to renew it."""

    operator_id: UUID
    name: str
    access_token: str
    expires_at: AwareDatetime
    secret: str
    ends_at: AwareDatetime
