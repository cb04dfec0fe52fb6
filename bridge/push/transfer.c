/* transfer.c — see transfer.h. */
#include "bridge/push/transfer.h"

#include "bridge/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* --- what libcurl calls -------------------------------------------------------------------- */

static const char *refuse_address(const struct transfer *t, enum guard_net net)
{
	if (t->url.plain && net != GUARD_LOOPBACK)
		return "http is spoken to loopback addresses only";
	if (!t->stranger || t->conf->allow_private || net == GUARD_PUBLIC)
		return NULL;
	return "the host is not on the public Internet";
}

/* Every socket is made here, for an address that libcurl has and nobody can change any more.
 *
 * TCP_USER_TIMEOUT: a peer that vanished without a word would otherwise hold up everything that is
 * sent on this connection for the quarter of an hour in which the kernel goes on trying. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = ctx;
	const char *refused = refuse_address(t, guard_sockaddr(&address->addr, address->addrlen));
	unsigned timeout_ms = (unsigned)t->conf->timeout_ms;
	int fd;

	(void)purpose;
	if (refused) {
		t->refused = refused;
		return CURL_SOCKET_BAD;
	}
	t->reached = true;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd >= 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms)) != 0)
		errno = 0; /* a kernel without it */
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;

	return reply_header(&t->reply, line, size * count) ? size * count : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;

	return reply_body(&t->reply, data, size * count) ? size * count : 0;
}

/* --- life ---------------------------------------------------------------------------------- */

#define SET(option, value)                                                   \
	do {                                                                 \
		if (libcurl()->easy_setopt(easy, option, value) != CURLE_OK) \
			return false;                                        \
	} while (0)

/* What libcurl is not to do, whatever the environment says. */
static bool forbid(CURL *easy, const struct http_conf *conf)
{
	SET(CURLOPT_PROTOCOLS_STR, conf->allow_loopback_http ? "https,http" : "https");
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	return true;
}

static bool set_tls(CURL *easy, const struct http_conf *conf)
{
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (conf->ca_file) {
		SET(CURLOPT_CAINFO, conf->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	return true;
}

/* QUICK_EXIT: a name server that does not answer is waited for by a thread of libcurl's; without
 * it, libcurl would have us wait for that thread when the request's own time is up. */
static bool set_manners(CURL *easy, const struct http_conf *conf)
{
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_TIMEOUT_MS, (long)conf->timeout_ms);
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_USERAGENT, "gnatterd");
	SET(CURLOPT_POST, 1L);
	return true;
}

static bool set_callbacks(CURL *easy, struct transfer *t)
{
	SET(CURLOPT_PRIVATE, t);
	SET(CURLOPT_ERRORBUFFER, t->error);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	return true;
}

enum err transfer_create(struct transfer **out, const struct http_conf *conf)
{
	struct transfer *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return ERR_NOMEM;
	t->conf = conf;
	t->easy = libcurl()->easy_init();
	if (!t->easy) {
		transfer_destroy(t);
		return ERR_NOMEM;
	}
	*out = t;
	return ERR_OK;
}

void transfer_destroy(struct transfer *t)
{
	if (!t)
		return;
	libcurl()->easy_cleanup(t->easy);
	libcurl()->slist_free_all(t->headers);
	url_free(&t->url);
	buf_free(&t->lines);
	buf_free(&t->body);
	reply_free(&t->reply);
	free(t);
}

/* --- the request --------------------------------------------------------------------------- */

static enum err add_line(struct transfer *t, const char *line)
{
	struct curl_slist *longer = libcurl()->slist_append(t->headers, line);

	if (!longer)
		return ERR_NOMEM;
	t->headers = longer;
	return ERR_OK;
}

/* A line of the request: a name, a colon, a value that is not empty, no control characters. */
static bool is_header(const char *line)
{
	size_t name = strcspn(line, ": \t");
	const char *value = line + name;

	if (name == 0 || *value != ':')
		return false;
	value += 1 + strspn(value + 1, " ");
	for (const char *c = value; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	}
	return *value != '\0';
}

/* libcurl would make up a Content-Type, and wait for leave to send a large body; a name without a
 * value leaves a header out. */
static enum err set_headers(struct transfer *t, struct bytes lines)
{
	bool typed = false;
	enum err err;

	libcurl()->slist_free_all(t->headers);
	t->headers = NULL;
	buf_reset(&t->lines);
	buf_put(&t->lines, lines.data, lines.len);
	buf_u8(&t->lines, '\0');
	if (t->lines.failed)
		return ERR_NOMEM;
	if (lines.len > 0 &&
		(memchr(lines.data, '\0', lines.len) || lines.data[lines.len - 1] != '\n'))
		return ERR_BAD_REQUEST;
	err = add_line(t, "Expect:");
	for (char *line = t->lines.data, *end; err == ERR_OK && *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		typed |= strncasecmp(line, "Content-Type:", 13) == 0;
		err = is_header(line) ? add_line(t, line) : ERR_BAD_REQUEST;
	}
	return err == ERR_OK && !typed ? add_line(t, "Content-Type:") : err;
}

/* What can be said of the URL before anything is connected to. */
static const char *refuse_url(const struct transfer *t)
{
	if (t->url.plain && !t->conf->allow_loopback_http)
		return "the URL is not one of https";
	if (t->url.plain && t->http2)
		return "HTTP/2 needs https";
	return t->url.literal ? refuse_address(t, t->url.net) : NULL;
}

static enum err set_url(struct transfer *t, const struct buf *url)
{
	enum err err;

	buf_reset(&t->lines);
	buf_put(&t->lines, url->data, url->len);
	buf_u8(&t->lines, '\0');
	if (t->lines.failed)
		return ERR_NOMEM;
	if (strlen(t->lines.data) + 1 < url->len) {
		t->refused = "the URL holds a byte that does not belong there";
		return ERR_OK;
	}
	err = url_parse(&t->url, t->lines.data, &t->refused);
	if (err == ERR_BAD_REQUEST)
		return ERR_OK;
	if (err != ERR_OK)
		return err;
	t->refused = refuse_url(t);
	return ERR_OK;
}

/* The body is copied. Over TLS libcurl knows as soon as it is connected whether a connection can
 * carry more requests, so they wait for that; without TLS it would learn it from the first answer
 * only. */
static bool set_request(CURL *easy, struct transfer *t, const struct buf *body)
{
	buf_reset(&t->body);
	buf_put(&t->body, body->data, body->len);
	if (t->body.failed)
		return false;
	SET(CURLOPT_URL, t->url.text.data);
	SET(CURLOPT_HTTPHEADER, t->headers);
	SET(CURLOPT_POSTFIELDS, t->body.len > 0 ? t->body.data : "");
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
	SET(CURLOPT_PIPEWAIT, t->url.plain ? 0L : 1L);
	return true;
}

/* From the beginning each time: libcurl goes on counting across transfers how often it has tried a
 * request again after a server's GOAWAY, gives up at the fifth time, and forgets by a reset only.
 */
static bool set_all(struct transfer *t, const struct buf *body)
{
	CURL *easy = t->easy;

	libcurl()->easy_reset(easy);
	return forbid(easy, t->conf) && set_tls(easy, t->conf) && set_manners(easy, t->conf) &&
	       set_callbacks(easy, t) && set_request(easy, t, body);
}

enum err transfer_prepare(struct transfer *t, const struct http_request *r)
{
	enum err err;

	t->stranger = r->stranger;
	t->http2 = r->http2;
	t->lane = r->stranger ? LANE_STRANGER : r->http2 ? LANE_HTTP2 : LANE_OPERATOR;
	t->refused = NULL;
	t->reached = false;
	t->error[0] = '\0';
	t->started_ms = clock_now_ms();
	reply_reset(&t->reply);
	if (r->url.failed || r->headers.failed || r->body.failed)
		return ERR_NOMEM;
	err = set_url(t, &r->url);
	if (err == ERR_OK)
		err = set_headers(t, (struct bytes){r->headers.data, r->headers.len});
	if (err == ERR_OK && !t->refused && !set_all(t, &r->body))
		err = ERR_NOMEM;
	return err;
}

/* --- the answer ---------------------------------------------------------------------------- */

/* Is there an answer, although libcurl ended with an error?
 *
 * There is, once its head was there: that says what became of the push, also where the body is cut,
 * breaks off or never ends; to take it for none would send a push again and again that was
 * delivered each time. A body that is cut by us ends libcurl's work with an error, too. And a
 * server may answer before it has read the whole request, with 429 for instance, and then refuse
 * the rest (RFC 9113, section 8.1); libcurl 7.88 fails then, or waits until time is up. */
static bool is_answer(struct transfer *t, long status)
{
	if (!t->reply.cut && (!t->reply.head_ended || status < 200))
		return false;
	t->reply.cut = t->reply.cut || !reply_whole(&t->reply);
	return true;
}

/* Why there was no whole answer; NULL: there was one. */
static const char *failure(struct transfer *t, CURLcode result, long status, long version)
{
	if (t->reply.headers.failed || t->reply.body.failed)
		return "out of memory";
	if (t->reply.head_too_long)
		return "the headers of the answer are too long";
	if (result != CURLE_OK && !is_answer(t, status))
		return t->error[0] ? t->error : libcurl()->easy_strerror(result);
	if (status < 200 || status > 999)
		return "the answer has no status";
	if (t->http2 && version != CURL_HTTP_VERSION_2_0)
		return "the server does not speak HTTP/2";
	return NULL;
}

/* libcurl may quote what the server said. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	}
}

struct http_response transfer_response(struct transfer *t, CURLcode result)
{
	struct http_response r = {.retry_after_ms = -1, .date_ms = -1};
	long status = 0, version = 0;

	if (t->refused && !t->reached) {
		r.refused = true;
		r.error = t->refused;
		return r;
	}
	libcurl()->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	libcurl()->easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	make_printable(t->error);
	r.error = failure(t, result, status, version);
	if (r.error)
		return r;
	r.status = (int)status;
	r.body = (struct bytes){t->reply.body.data, t->reply.body.len};
	r.headers = (struct bytes){t->reply.headers.data, t->reply.headers.len};
	r.cut = t->reply.cut;
	r.retry_after_ms = reply_retry_after_ms(r.headers, clock_wall_ms());
	r.date_ms = reply_date_ms(r.headers);
	return r;
}
