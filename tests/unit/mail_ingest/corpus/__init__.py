"""Mails that broke other systems, each with what a reader of it would see."""

from tests.unit.mail_ingest.awkward import ALL as AWKWARD
from tests.unit.mail_ingest.corpus.helpdesks import HELPDESKS
from tests.unit.mail_ingest.corpus.parsers import PARSERS
from tests.unit.mail_ingest.corpus.python_suite import PYTHON

ALL = [*AWKWARD, *PYTHON, *HELPDESKS, *PARSERS]
