"""Parameter names of URLs and connection strings that are known to hold no credential.

Any name that is not listed here counts as one that may: a new driver's parameter is sealed with the
whole text rather than shown. `ROUTING` names say where a connection goes or how it is protected, so
they are shown, and are a part of the destination.
"""

from __future__ import annotations

import re
from operator import itemgetter

_ROUTING = """
host hosts hostaddr hostname port portnumber server servername address addr networkaddress datasource
pghost pgport pgdbname database databasename dbname initialcatalog instance instancename service
endpoint accountname endpointsuffix defaultendpointsprotocol usedevelopmentemulator
ssl sslmode tls usessl requiressl encrypt trustservercertificate verifyservercertificate
hostnameincertificate sslfactory socketfactory tlsinsecure tlsallowinvalidcertificates
tlsallowinvalidhostnames sslinvalidhostnameallowed sslhostnameverifier gssencmode channelbinding
allowpublickeyretrieval srvservicename srvmaxhosts proxyhost proxyport failoverpartner protocol
sslserverdnmatch sslservercertdn
"""

_HARMLESS = """
user username userid uid currentschema applicationname appname charset characterencoding
useunicode servertimezone timezone retrywrites retryreads w journal wtimeoutms readpreference
readconcernlevel authsource authmechanism replicaset loadbalanced directconnection compressors
connecttimeout connecttimeoutms connectiontimeout connectiontimeoutms sockettimeout sockettimeoutms
serverselectiontimeoutms logintimeout timeout maxpoolsize minpoolsize maxidletimems pooling
multipleactiveresultsets targetservertype loadbalancehosts defaultrowfetchsize preparethreshold
binarytransfer stringtype tcpkeepalive autoreconnect reconnect heartbeat entitypath
sharedaccesskeyname transporttype apiversion version readonly
description descriptionlist addresslist connectdata servicename sid failover loadbalance retrycount
retrydelay transportconnecttimeout
"""

ROUTING = frozenset(_ROUTING.split())
HARMLESS = ROUTING | frozenset(_HARMLESS.split())

_SHOWABLE = re.compile(r"[A-Za-z0-9._:,/\\()\[\]* -]{0,1024}")
_EQUALS = re.compile(r"=|%3d", re.IGNORECASE)
_FILLING = str.maketrans("", "", " _-\t")


def is_harmless(name: str) -> bool:
    """Say whether a parameter of this name is known to hold no credential."""
    return _plain(name) in HARMLESS


def is_routing(name: str) -> bool:
    """Say whether a parameter of this name says where a connection goes, or how it is protected."""
    return _plain(name) in ROUTING


def split_parameter(text: str) -> tuple[str, str]:
    """Return name and value of `name=value`."""
    name, _, value = text.partition("=")
    return name, value


def find_equals(text: str) -> int:
    """Return where the first equals sign stands, percent-encoded or not; -1: nowhere."""
    if "%" not in text:
        return text.find("=")
    found = _EQUALS.search(text)
    return found.start() if found else -1


def hides_parameter(text: str) -> bool:
    """Say whether the value of a public parameter holds another one, for who separates them otherwise."""
    name, value = split_parameter(text)
    return find_equals(value) >= 0 and is_harmless(name)


def show_parameters(parameters: tuple[str, ...]) -> list[str]:
    """Return the parameters that are public and matter, as they are written.

    Raises:
        ValueError: one of them holds more than an address or a word.
    """
    shown = [part for part in parameters if is_routing(split_parameter(part)[0])]
    if not all(_SHOWABLE.fullmatch(split_parameter(part)[1]) for part in shown):
        raise ValueError
    return shown


def read_routing(parameters: tuple[str, ...]) -> list[str]:
    """Return the same parameters in one canonical writing, by name; of equal names the order stays."""
    pairs = [(_plain(name), value.strip()) for name, value in map(split_parameter, parameters)]
    return [f"{name}={value}" for name, value in sorted(pairs, key=itemgetter(0)) if name in ROUTING]


def _plain(name: str) -> str:
    return name.translate(_FILLING).lower()
