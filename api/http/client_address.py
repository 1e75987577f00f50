"""The client that limits are counted for: an IPv4 address or an IPv6 /64 network."""

from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection

_NETWORK = ~(2**64 - 1)  # a client with one IPv6 address usually has a whole /64 of them
_LONGEST = 64


def client_of(connection: HTTPConnection) -> str:
    """Return the name under which a client is counted."""
    host = connection.client.host if connection.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:  # a trusted proxy may send any text
        return host[:_LONGEST]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) & _NETWORK)}/64"
