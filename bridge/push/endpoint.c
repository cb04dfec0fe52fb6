/* endpoint.c — one pass from left to right over what RFC 3986 calls scheme, authority and path. */
#include "endpoint.h"

#include <string.h>

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

/* "[v6]" or a name or an IPv4 address. Gives its length, 0 if it is none. */
static size_t scan_host(struct bytes authority)
{
	size_t len;

	if (starts_with(authority, "[")) {
		len = span_to(authority, "]");
		if (len == authority.len || len < 3 ||
			!all_of((struct bytes){authority.data + 1, len - 1}, "0123456789",
				"abcdefABCDEF:."))
			return 0;
		return len + 1;
	}
	len = span_to(authority, ":");
	if (!all_of((struct bytes){authority.data, len}, alnum, "._-"))
		return 0;
	return authority.data[0] == '.' ? 0 : len;
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
	       (starts_with(e->host, "127.") && all_of(e->host, "0123456789", "."));
}

void endpoint_origin(struct buf *out, const struct endpoint *e)
{
	buf_str(out, e->https ? "https://" : "http://");
	for (size_t i = 0; i < e->host.len; i++) {
		char c = e->host.data[i];

		buf_u8(out, (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
	}
	if (e->port != (e->https ? 443u : 80u))
		buf_printf(out, ":%u", e->port);
}
