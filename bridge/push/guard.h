/* guard.h — what kind of network an address is on.
 *
 * An endpoint that a user names must not make the daemon talk to the machine it runs on or to the
 * network behind it. So not names are judged but the very address that is connected to; forms that
 * carry an IPv4 address inside an IPv6 one (mapped, NAT64, 6to4) are judged by what they carry.
 *
 * The lists are IANA's registries of special-purpose addresses (RFC 6890 and its updates). What is
 * not plainly part of the public Internet is not public. Pure; any thread.
 */
#ifndef GNATTER_BRIDGE_PUSH_GUARD_H
#define GNATTER_BRIDGE_PUSH_GUARD_H

#include <stddef.h>
#include <stdint.h>

struct sockaddr;

/* Name, text. */
// clang-format off
#define GUARD_LIST(X) \
	X(PUBLIC,        "a public address") \
	X(UNSPECIFIED,   "an unspecified address") \
	X(LOOPBACK,      "a loopback address") \
	X(LINK_LOCAL,    "a link-local address") \
	X(PRIVATE,       "a private address") \
	X(SHARED,        "a provider's shared address (CGNAT)") \
	X(MULTICAST,     "a multicast address") \
	X(BROADCAST,     "the broadcast address") \
	X(DOCUMENTATION, "a documentation address") \
	X(RESERVED,      "a reserved address") \
	X(UNKNOWN,       "an address of an unknown family")
// clang-format on

#define X(name, text) GUARD_##name,
enum guard_net { GUARD_LIST(X) GUARD_NETS };
#undef X

/* address in the host's byte order; 16 bytes in the network's. */
enum guard_net guard_ipv4(uint32_t address);
enum guard_net guard_ipv6(const uint8_t address[16]);

/* Of a socket address of len bytes; GUARD_UNKNOWN if it is cut short or neither IPv4 nor IPv6. */
enum guard_net guard_sockaddr(const struct sockaddr *address, size_t len);

/* Static text: "a loopback address"; never NULL. */
const char *guard_text(enum guard_net net);

#endif
