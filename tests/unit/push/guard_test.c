/* guard_test.c — addresses at both sides of every border. */
#include "bridge/push/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct sample {
	const char *address;
	enum guard_net net;
};

static const struct sample ipv4[] = {
	{"0.0.0.0", GUARD_UNSPECIFIED},
	{"0.0.0.1", GUARD_UNSPECIFIED},
	{"0.255.255.255", GUARD_UNSPECIFIED},
	{"1.0.0.0", GUARD_PUBLIC},
	{"8.8.8.8", GUARD_PUBLIC},
	{"9.255.255.255", GUARD_PUBLIC},
	{"10.0.0.0", GUARD_PRIVATE},
	{"10.255.255.255", GUARD_PRIVATE},
	{"11.0.0.0", GUARD_PUBLIC},
	{"100.63.255.255", GUARD_PUBLIC},
	{"100.64.0.0", GUARD_SHARED},
	{"100.127.255.255", GUARD_SHARED},
	{"100.128.0.0", GUARD_PUBLIC},
	{"126.255.255.255", GUARD_PUBLIC},
	{"127.0.0.0", GUARD_LOOPBACK},
	{"127.0.0.1", GUARD_LOOPBACK},
	{"127.255.255.255", GUARD_LOOPBACK},
	{"128.0.0.0", GUARD_PUBLIC},
	{"169.253.255.255", GUARD_PUBLIC},
	{"169.254.0.0", GUARD_LINK_LOCAL},
	{"169.254.169.254", GUARD_LINK_LOCAL},
	{"169.254.255.255", GUARD_LINK_LOCAL},
	{"169.255.0.0", GUARD_PUBLIC},
	{"172.15.255.255", GUARD_PUBLIC},
	{"172.16.0.0", GUARD_PRIVATE},
	{"172.31.255.255", GUARD_PRIVATE},
	{"172.32.0.0", GUARD_PUBLIC},
	{"191.255.255.255", GUARD_PUBLIC},
	{"192.0.0.0", GUARD_RESERVED},
	{"192.0.0.255", GUARD_RESERVED},
	{"192.0.1.0", GUARD_PUBLIC},
	{"192.0.1.255", GUARD_PUBLIC},
	{"192.0.2.0", GUARD_DOCUMENTATION},
	{"192.0.2.255", GUARD_DOCUMENTATION},
	{"192.0.3.0", GUARD_PUBLIC},
	{"192.88.98.255", GUARD_PUBLIC},
	{"192.88.99.0", GUARD_RESERVED},
	{"192.88.99.255", GUARD_RESERVED},
	{"192.88.100.0", GUARD_PUBLIC},
	{"192.167.255.255", GUARD_PUBLIC},
	{"192.168.0.0", GUARD_PRIVATE},
	{"192.168.255.255", GUARD_PRIVATE},
	{"192.169.0.0", GUARD_PUBLIC},
	{"198.17.255.255", GUARD_PUBLIC},
	{"198.18.0.0", GUARD_RESERVED},
	{"198.19.255.255", GUARD_RESERVED},
	{"198.20.0.0", GUARD_PUBLIC},
	{"198.51.99.255", GUARD_PUBLIC},
	{"198.51.100.0", GUARD_DOCUMENTATION},
	{"198.51.100.255", GUARD_DOCUMENTATION},
	{"198.51.101.0", GUARD_PUBLIC},
	{"203.0.112.255", GUARD_PUBLIC},
	{"203.0.113.0", GUARD_DOCUMENTATION},
	{"203.0.113.255", GUARD_DOCUMENTATION},
	{"203.0.114.0", GUARD_PUBLIC},
	{"223.255.255.255", GUARD_PUBLIC},
	{"224.0.0.0", GUARD_MULTICAST},
	{"239.255.255.255", GUARD_MULTICAST},
	{"240.0.0.0", GUARD_RESERVED},
	{"255.255.255.254", GUARD_RESERVED},
	{"255.255.255.255", GUARD_BROADCAST},
};

static const struct sample ipv6[] = {
	{"::", GUARD_UNSPECIFIED},
	{"::1", GUARD_LOOPBACK},
	{"::2", GUARD_RESERVED},
	{"::7f00:1", GUARD_RESERVED},
	{"::8.8.8.8", GUARD_RESERVED},
	{"::fffe:7f00:1", GUARD_RESERVED},
	{"::ffff:0.0.0.0", GUARD_UNSPECIFIED},
	{"::ffff:127.0.0.1", GUARD_LOOPBACK},
	{"::ffff:10.1.2.3", GUARD_PRIVATE},
	{"::ffff:169.254.169.254", GUARD_LINK_LOCAL},
	{"::ffff:100.64.0.1", GUARD_SHARED},
	{"::ffff:255.255.255.255", GUARD_BROADCAST},
	{"::ffff:8.8.8.8", GUARD_PUBLIC},
	{"::ffff:0:127.0.0.1", GUARD_RESERVED},
	{"::1:0:0", GUARD_RESERVED},
	{"64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_RESERVED},
	{"64:ff9b::127.0.0.1", GUARD_LOOPBACK},
	{"64:ff9b::192.168.1.1", GUARD_PRIVATE},
	{"64:ff9b::8.8.8.8", GUARD_PUBLIC},
	{"64:ff9b::1:0:0", GUARD_RESERVED},
	{"64:ff9b:1::8.8.8.8", GUARD_PRIVATE},
	{"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", GUARD_PRIVATE},
	{"64:ff9b:2::", GUARD_RESERVED},
	{"100::1", GUARD_RESERVED},
	{"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_RESERVED},
	{"2000::", GUARD_PUBLIC},
	{"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_PUBLIC},
	{"2001::", GUARD_RESERVED},
	{"2001:0:53aa:64c:0:0:80ff:fffe", GUARD_RESERVED}, /* Teredo */
	{"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_RESERVED},
	{"2001:200::", GUARD_PUBLIC},
	{"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_PUBLIC},
	{"2001:db8::", GUARD_DOCUMENTATION},
	{"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_DOCUMENTATION},
	{"2001:db9::", GUARD_PUBLIC},
	{"2002:7f00:1::", GUARD_LOOPBACK},
	{"2002:a00:1::1", GUARD_PRIVATE},
	{"2002:c0a8:101::", GUARD_PRIVATE},
	{"2002:808:808::1", GUARD_PUBLIC},
	{"2003::", GUARD_PUBLIC},
	{"2606:4700:4700::1111", GUARD_PUBLIC},
	{"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_PUBLIC},
	{"3fff::", GUARD_DOCUMENTATION},
	{"3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_DOCUMENTATION},
	{"3fff:1000::", GUARD_PUBLIC},
	{"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_PUBLIC},
	{"4000::", GUARD_RESERVED},
	{"5f00::1", GUARD_RESERVED},
	{"fbff::", GUARD_RESERVED},
	{"fc00::", GUARD_PRIVATE},
	{"fd12:3456::1", GUARD_PRIVATE},
	{"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_PRIVATE},
	{"fe00::", GUARD_RESERVED},
	{"fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_RESERVED},
	{"fe80::1", GUARD_LINK_LOCAL},
	{"febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_LINK_LOCAL},
	{"fec0::", GUARD_PRIVATE},
	{"feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_PRIVATE},
	{"ff00::", GUARD_MULTICAST},
	{"ff02::1", GUARD_MULTICAST},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GUARD_MULTICAST},
};

static void expect(const struct sample *s, enum guard_net net)
{
	if (net != s->net)
		fail_msg("%s is %s, not %s", s->address, guard_text(s->net), guard_text(net));
}

static void test_ipv4_at_borders(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ipv4); i++) {
		struct in_addr a;

		assert_int_equal(inet_pton(AF_INET, ipv4[i].address, &a), 1);
		expect(&ipv4[i], guard_ipv4(ntohl(a.s_addr)));
	}
}

static void test_ipv6_at_borders(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ipv6); i++) {
		struct in6_addr a;

		assert_int_equal(inet_pton(AF_INET6, ipv6[i].address, &a), 1);
		expect(&ipv6[i], guard_ipv6(a.s6_addr));
	}
}

static void test_sockaddr(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	(void)state;
	assert_int_equal(guard_sockaddr((struct sockaddr *)&in, sizeof(in)), GUARD_PUBLIC);
	assert_int_equal(guard_sockaddr((struct sockaddr *)&in, sizeof(in) - 1), GUARD_UNKNOWN);
	assert_int_equal(guard_sockaddr((struct sockaddr *)&in6, sizeof(in6)), GUARD_LOOPBACK);
	assert_int_equal(guard_sockaddr((struct sockaddr *)&in6, sizeof(in)), GUARD_UNKNOWN);
	assert_int_equal(guard_sockaddr((struct sockaddr *)&un, sizeof(un)), GUARD_UNKNOWN);
}

static void test_text(void **state)
{
	(void)state;
	assert_string_equal(guard_text(GUARD_PUBLIC), "a public address");
	assert_string_equal(guard_text(GUARD_UNKNOWN), guard_text(GUARD_NETS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_at_borders),
		cmocka_unit_test(test_ipv6_at_borders),
		cmocka_unit_test(test_sockaddr),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
