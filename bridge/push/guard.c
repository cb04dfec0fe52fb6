/* guard.c — see guard.h. Two tables; the first row that matches counts, so the narrower come first.
 *
 * IPv6 is judged the other way round from IPv4: only 2000::/3 has been given out, so whatever no
 * row mentions is reserved, while an IPv4 address that no row mentions is public.
 */
#include "bridge/push/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define IPV4(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

// clang-format off
static const struct {
	uint32_t prefix;
	int bits;
	enum guard_net net;
} ipv4_nets[] = {
	{IPV4(0, 0, 0, 0),         8, GUARD_UNSPECIFIED},   /* this network; Linux: this machine */
	{IPV4(10, 0, 0, 0),        8, GUARD_PRIVATE},
	{IPV4(100, 64, 0, 0),     10, GUARD_SHARED},
	{IPV4(127, 0, 0, 0),       8, GUARD_LOOPBACK},
	{IPV4(169, 254, 0, 0),    16, GUARD_LINK_LOCAL},    /* with the metadata servers of clouds */
	{IPV4(172, 16, 0, 0),     12, GUARD_PRIVATE},
	{IPV4(192, 0, 0, 0),      24, GUARD_RESERVED},      /* protocol assignments */
	{IPV4(192, 0, 2, 0),      24, GUARD_DOCUMENTATION},
	{IPV4(192, 88, 99, 0),    24, GUARD_RESERVED},      /* relays of 6to4 */
	{IPV4(192, 168, 0, 0),    16, GUARD_PRIVATE},
	{IPV4(198, 18, 0, 0),     15, GUARD_RESERVED},      /* benchmarks */
	{IPV4(198, 51, 100, 0),   24, GUARD_DOCUMENTATION},
	{IPV4(203, 0, 113, 0),    24, GUARD_DOCUMENTATION},
	{IPV4(224, 0, 0, 0),       4, GUARD_MULTICAST},
	{IPV4(255, 255, 255, 255), 32, GUARD_BROADCAST},
	{IPV4(240, 0, 0, 0),       4, GUARD_RESERVED},
};

/* ipv4_at: where an IPv4 address stands that is to be judged instead; 0: none does. */
static const struct {
	uint8_t prefix[16];
	int bits;
	enum guard_net net;
	int ipv4_at;
} ipv6_nets[] = {
	{{0},                                   128, GUARD_UNSPECIFIED, 0},
	{{[15] = 1},                            128, GUARD_LOOPBACK, 0},
	{{[10] = 0xff, 0xff},                    96, GUARD_RESERVED, 12},  /* ::ffff:a.b.c.d, mapped */
	{{0x00, 0x64, 0xff, 0x9b},               96, GUARD_RESERVED, 12},  /* 64:ff9b::/96, NAT64 */
	{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01},   48, GUARD_PRIVATE, 0},    /* a NAT64 of one's own */
	{{0x20, 0x01, 0x0d, 0xb8},               32, GUARD_DOCUMENTATION, 0},
	{{0x20, 0x01},                           23, GUARD_RESERVED, 0},   /* protocols; Teredo is one */
	{{0x20, 0x02},                           16, GUARD_RESERVED, 2},   /* 2002:a.b.c.d::, 6to4 */
	{{0x3f, 0xff},                           20, GUARD_DOCUMENTATION, 0},
	{{0x20},                                  3, GUARD_PUBLIC, 0},
	{{0xfc},                                  7, GUARD_PRIVATE, 0},    /* unique local */
	{{0xfe, 0x80},                           10, GUARD_LINK_LOCAL, 0},
	{{0xfe, 0xc0},                           10, GUARD_PRIVATE, 0},    /* site-local of old */
	{{0xff},                                  8, GUARD_MULTICAST, 0},
};
// clang-format on

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

enum guard_net guard_ipv4(uint32_t address)
{
	for (size_t i = 0; i < COUNT(ipv4_nets); i++) {
		uint32_t mask = UINT32_MAX << (32 - ipv4_nets[i].bits);

		if ((address & mask) == ipv4_nets[i].prefix)
			return ipv4_nets[i].net;
	}
	return GUARD_PUBLIC;
}

static bool begins(const uint8_t *address, const uint8_t *prefix, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	if (memcmp(address, prefix, (size_t)whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

enum guard_net guard_ipv6(const uint8_t address[16])
{
	for (size_t i = 0; i < COUNT(ipv6_nets); i++) {
		const uint8_t *inner = address + ipv6_nets[i].ipv4_at;

		if (!begins(address, ipv6_nets[i].prefix, ipv6_nets[i].bits))
			continue;
		if (ipv6_nets[i].ipv4_at == 0)
			return ipv6_nets[i].net;
		return guard_ipv4(IPV4(inner[0], inner[1], inner[2], inner[3]));
	}
	return GUARD_RESERVED;
}

enum guard_net guard_sockaddr(const struct sockaddr *address, size_t len)
{
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;

	if (len >= sizeof(ipv4) && address->sa_family == AF_INET) {
		memcpy(&ipv4, address, sizeof(ipv4));
		return guard_ipv4(ntohl(ipv4.sin_addr.s_addr));
	}
	if (len >= sizeof(ipv6) && address->sa_family == AF_INET6) {
		memcpy(&ipv6, address, sizeof(ipv6));
		return guard_ipv6(ipv6.sin6_addr.s6_addr);
	}
	return GUARD_UNKNOWN;
}

const char *guard_text(enum guard_net net)
{
#define X(name, text) text,
	static const char *const texts[] = {GUARD_LIST(X)};
#undef X

	return (unsigned)net < GUARD_NETS ? texts[net] : texts[GUARD_UNKNOWN];
}
