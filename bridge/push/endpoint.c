/* endpoint.c — one pass from left to right over what RFC 3986 calls scheme, authority and path. */
#include "endpoint.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_MAX 253 /* bytes of a name */

static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static bool fail(const char **why, const char *sentence)
{
	*why = sentence;
	return false;
}

/* Characters that a URL may hold as they are (RFC 3986, 2), but for '#'. */
static bool is_url_char(char c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"#<>\\^`{|}", c);
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool all_of(struct bytes s, const char *set, const char *more)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_one_of(s.data[i], set) && !is_one_of(s.data[i], more))
			return false;
	}
	return true;
}

static bool starts_with(struct bytes s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && memcmp(s.data, prefix, len) == 0;
}

static struct bytes rest_of(struct bytes s, size_t from)
{
	return (struct bytes){s.data + from, s.len - from};
}

/* The bytes of s before the first of `stops`, or all. */
static size_t span_to(struct bytes s, const char *stops)
{
	size_t i = 0;

	while (i < s.len && !is_one_of(s.data[i], stops))
		i++;
	return i;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Is the address written as the system writes it, but for the case of its letters? Of the many
 * other forms (with fewer dots, octal, hexadecimal, zeros) each parser knows some. */
static bool is_plain_address(int family, struct bytes s)
{
	char text[INET6_ADDRSTRLEN], plain[INET6_ADDRSTRLEN];
	unsigned char address[sizeof(struct in6_addr)];

	if (s.len == 0 || s.len >= sizeof(text))
		return false;
	for (size_t i = 0; i < s.len; i++)
		text[i] = lower(s.data[i]);
	text[s.len] = '\0';
	return inet_pton(family, text, address) == 1 &&
	       inet_ntop(family, address, plain, sizeof(plain)) && strcmp(text, plain) == 0;
}

/* Does the name end in a number, so that it is to be an IPv4 address? (WHATWG URL, 3.5) */
static bool ends_in_number(struct bytes name)
{
	size_t len = name.len, start;

	len -= len > 0 && name.data[len - 1] == '.';
	for (start = len; start > 0 && name.data[start - 1] != '.';)
		start--;
	name = (struct bytes){name.data + start, len - start};
	if (starts_with(name, "0x") || starts_with(name, "0X"))
		return all_of(rest_of(name, 2), "0123456789", "abcdefABCDEF");
	return name.len > 0 && all_of(name, "0123456789", "");
}

static bool is_name(struct bytes s)
{
	return s.len > 0 && s.len <= HOST_MAX && s.data[0] != '.' && s.data[0] != '-' &&
	       all_of(s, alnum, "._-");
}

/* "[v6]" or a name or an IPv4 address. Gives its length, 0 if it is none. */
static size_t scan_host(struct bytes authority)
{
	struct bytes host;

	if (starts_with(authority, "[")) {
		host = rest_of(authority, 1);
		host.len = span_to(host, "]");
		if (host.len + 1 == authority.len || !is_plain_address(AF_INET6, host))
			return 0;
		return host.len + 2;
	}
	host = (struct bytes){authority.data, span_to(authority, ":")};
	if (ends_in_number(host))
		return is_plain_address(AF_INET, host) ? host.len : 0;
	return is_name(host) ? host.len : 0;
}

/* ":port", or nothing. */
static bool scan_port(unsigned *out, struct bytes s)
{
	unsigned port = 0;

	if (s.len == 0)
		return true;
	if (s.len < 2 || s.len > 6 || s.data[0] != ':' || !all_of(rest_of(s, 1), "0123456789", ""))
		return false;
	for (size_t i = 1; i < s.len; i++)
		port = port * 10 + (unsigned)(s.data[i] - '0');
	*out = port;
	return port >= 1 && port <= 65535;
}

bool endpoint_parse(struct endpoint *out, const char *url, size_t len, const char **why)
{
	struct bytes s = {url, len}, authority;
	size_t host;

	*out = (struct endpoint){0};
	if (len > ENDPOINT_MAX)
		return fail(why, "the URL is longer than 1000 bytes");
	for (size_t i = 0; i < len; i++) {
		if (!is_url_char(url[i]))
			return fail(why, "the URL holds a character that it must not");
	}
	out->https = starts_with(s, "https://");
	if (!out->https && !starts_with(s, "http://"))
		return fail(why, "the URL does not begin with https://");
	out->port = out->https ? 443 : 80;
	s = rest_of(s, out->https ? 8 : 7);
	authority = (struct bytes){s.data, span_to(s, "/?")};
	host = authority.len ? scan_host(authority) : 0;
	if (host == 0 || !scan_port(&out->port, rest_of(authority, host)))
		return fail(why, "the URL names no valid host and port");
	out->host = (struct bytes){authority.data, host};
	out->path = rest_of(s, authority.len);
	return true;
}

bool endpoint_is_loopback(const struct endpoint *e)
{
	return bytes_equal(e->host, "localhost", 9) || bytes_equal(e->host, "[::1]", 5) ||
	       (starts_with(e->host, "127.") && is_plain_address(AF_INET, e->host));
}

void endpoint_origin(struct buf *out, const struct endpoint *e)
{
	buf_str(out, e->https ? "https://" : "http://");
	for (size_t i = 0; i < e->host.len; i++)
		buf_u8(out, (uint8_t)lower(e->host.data[i]));
	if (e->port != (e->https ? 443u : 80u))
		buf_printf(out, ":%u", e->port);
}
