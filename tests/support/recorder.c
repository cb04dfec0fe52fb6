/* recorder.c — see recorder.h.
 *
 * libmicrohttpd runs all connections on one thread. A request whose answer has to wait is suspended
 * and put into a list ordered by when it is due; a second thread resumes it then. Most waits are
 * equally long, so that the place in the list is found from its end.
 *
 * It polls. With epoll, libmicrohttpd 0.9.75 now and then forgets that hundreds of connections have
 * something for it, and does not wake up again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/certs.h"
#include "tests/support/proc.h"
#include "tests/support/recorder_internal.h"

#define PRINTED 10

/* --- requests ------------------------------------------------------------------------------ */

static enum MHD_Result add_header(
	void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	buf_printf(ctx, "%s: %s\n", name, value ? value : "");
	return MHD_YES;
}

static unsigned connection_number(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? (unsigned)(uintptr_t)info->socket_context : 0;
}

/* The request is here: count it, keep it, find the answer. */
static void complete(struct request *q, const char *method)
{
	struct recorder *r = q->recorder;
	struct recorded seen = {.connection = connection_number(q->connection),
		.at_ms = case_now_ms(),
		.method = method,
		.target = q->target};
	struct rule *rule;

	buf_u8(&q->body, '\0');
	seen.headers = (struct bytes){q->headers.data, q->headers.len};
	seen.body = (struct bytes){q->body.data, q->body.len - 1};
	pthread_mutex_lock(&r->lock);
	seen.number = (unsigned)++r->count;
	if (!r->opts.count_only)
		recorder_keep(r, &seen);
	rule = recorder_rule(r, q->target);
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (rule && rule->fn)
		rule->fn(rule->ctx, &seen, &q->answer);
	else if (rule)
		q->answer = rule->answer;
	if (q->answer.body && q->answer.body_len == 0)
		q->answer.body_len = strlen(q->answer.body);
	q->complete = true;
}

/* --- waiting ------------------------------------------------------------------------------- */

/* Suspend until due_ms. False while stopping: then it is not suspended. */
static bool suspend(struct request *q, int64_t due_ms)
{
	struct recorder *r = q->recorder;
	struct request *after;
	bool may;

	pthread_mutex_lock(&r->lock);
	may = !r->stopping;
	if (may) {
		q->due_ms = due_ms;
		for (after = r->waiting.prev; after != &r->waiting && after->due_ms > due_ms;)
			after = after->prev;
		q->prev = after;
		q->next = after->next;
		q->prev->next = q->next->prev = q;
		MHD_suspend_connection(q->connection);
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	return may;
}

/* Under the lock. */
static void resume_first(struct recorder *r)
{
	struct request *q = r->waiting.next;

	q->prev->next = q->next;
	q->next->prev = q->prev;
	MHD_resume_connection(q->connection);
}

static void *run_timer(void *arg)
{
	struct recorder *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct request *first = r->waiting.next;
		bool any = first != &r->waiting;

		if (any && (r->stopping || first->due_ms <= case_now_ms()))
			resume_first(r);
		else if (r->stopping)
			break;
		else
			recorder_wait_until(r, any ? first->due_ms : RECORDER_NEVER);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* --- answers ------------------------------------------------------------------------------- */

static void add_headers(struct MHD_Response *response, const char *lines)
{
	char *copy = recorder_text(lines, strlen(lines)), *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		MHD_add_response_header(response, line, colon + 1 + strspn(colon + 1, " "));
	}
	free(copy);
}

/* The next bytes of a body that is not all in memory, or ends too early, or comes slowly. */
static ssize_t on_read(void *ctx, uint64_t pos, char *out, size_t max)
{
	struct request *q = ctx;
	const struct answer *a = &q->answer;

	if (pos >= a->body_len + a->more)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (a->how == ANSWER_DRIP) {
		q->drip_waits = !q->drip_waits;
		if (q->drip_waits)
			return suspend(q, case_now_ms() + a->drip_ms)
				       ? 0
				       : MHD_CONTENT_READER_END_WITH_ERROR;
		max = 1;
	}
	if (pos >= a->body_len) {
		if (max > a->body_len + a->more - pos)
			max = a->body_len + a->more - pos;
		memset(out, 'x', max);
		return (ssize_t)max;
	}
	if (max > a->body_len - pos)
		max = a->body_len - pos;
	memcpy(out, a->body + pos, max);
	return (ssize_t)max;
}

static struct MHD_Response *make_response(struct request *q)
{
	const struct answer *a = &q->answer;
	uint64_t size = a->body_len + a->more + (a->how == ANSWER_CUT);
	struct MHD_Response *response;

	if (a->how == ANSWER_WHOLE && a->more == 0)
		response = MHD_create_response_from_buffer(
			a->body_len, (void *)(uintptr_t)a->body, MHD_RESPMEM_MUST_COPY);
	else
		response = MHD_create_response_from_callback(size, 16384, on_read, q, NULL);
	recorder_need(response);
	if (a->headers)
		add_headers(response, a->headers);
	return response;
}

static enum MHD_Result answer(struct request *q)
{
	const struct answer *a = &q->answer;

	if (a->how == ANSWER_CLOSE || a->how == ANSWER_HANG)
		return MHD_NO;
	q->response = make_response(q);
	return MHD_queue_response(
		q->connection, (unsigned)(a->status ? a->status : 200), q->response);
}

/* --- what libmicrohttpd calls -------------------------------------------------------------- */

static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *c)
{
	struct request *q = recorder_need(calloc(1, sizeof(*q)));

	q->recorder = ctx;
	q->connection = c;
	q->target = recorder_text(uri, strlen(uri));
	return q;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **request)
{
	struct request *q = *request;

	(void)ctx;
	(void)url;
	(void)version;
	if (!q->headers.data) { /* the first call is for the headers */
		buf_u8(&q->headers, '\0');
		buf_reset(&q->headers);
		MHD_get_connection_values(c, MHD_HEADER_KIND, add_header, &q->headers);
		return MHD_YES;
	}
	if (*size > 0) {
		buf_put(&q->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!q->complete) {
		complete(q, method);
		if (q->answer.how == ANSWER_HANG && suspend(q, RECORDER_NEVER))
			return MHD_YES;
		if (q->answer.delay_ms > 0 && suspend(q, case_now_ms() + q->answer.delay_ms))
			return MHD_YES;
	}
	return answer(q);
}

static void on_completed(
	void *ctx, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode code)
{
	struct request *q = *request;

	(void)ctx;
	(void)c;
	(void)code;
	if (!q)
		return;
	if (q->response)
		MHD_destroy_response(q->response);
	buf_free(&q->headers);
	buf_free(&q->body);
	free(q->target);
	free(q);
	*request = NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *c, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct recorder *r = ctx;

	(void)c;
	if (code != MHD_CONNECTION_NOTIFY_STARTED)
		return;
	pthread_mutex_lock(&r->lock);
	*socket_context = (void *)(uintptr_t)++r->connections;
	pthread_mutex_unlock(&r->lock);
}

/* --- life ---------------------------------------------------------------------------------- */

static int listen_on(struct recorder *r)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)r->opts.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	bool local = r->opts.unix_path;
	int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, bound;
	socklen_t len = sizeof(in);

	if (local) {
		snprintf(r->unix_path, sizeof(r->unix_path), "%s", r->opts.unix_path);
		memcpy(un.sun_path, r->unix_path, sizeof(un.sun_path));
		unlink(un.sun_path);
		bound = bind(fd, (struct sockaddr *)&un, sizeof(un));
	} else {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		bound = bind(fd, (struct sockaddr *)&in, sizeof(in));
	}
	if (bound != 0 || listen(fd, 1024) != 0)
		case_fail("the recorder cannot listen: %s", strerror(errno));
	if (!local && getsockname(fd, (struct sockaddr *)&in, &len) == 0)
		r->port = ntohs(in.sin_port);
	return fd;
}

static void start_daemon(struct recorder *r)
{
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			 (r->opts.tls ? MHD_USE_TLS : 0);
	const char *key = r->opts.tls ? slurp(certs()->key, NULL) : NULL;
	const char *cert = r->opts.tls ? slurp(certs()->cert, NULL) : NULL;
	struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
		{MHD_OPTION_END, 0, NULL},
	};

	r->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, r, MHD_OPTION_LISTEN_SOCKET,
		listen_on(r), MHD_OPTION_URI_LOG_CALLBACK, on_uri, r, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, r, MHD_OPTION_NOTIFY_CONNECTION, on_connection, r,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)65536, MHD_OPTION_CONNECTION_LIMIT,
		4000u, MHD_OPTION_ARRAY, r->opts.tls ? tls : plain, MHD_OPTION_END);
	if (!r->daemon)
		case_fail("libmicrohttpd does not start");
}

void recorder_stop(struct recorder *r)
{
	if (!r->daemon)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->timer, NULL);
	MHD_stop_daemon(r->daemon);
	r->daemon = NULL;
	if (r->unix_path[0])
		unlink(r->unix_path);
}

static void undo_recorder(void *arg, bool failed)
{
	struct recorder *r = arg;

	(void)failed;
	recorder_stop(r);
	case_forget_report(r);
	recorder_kept_free(r);
	recorder_rules_free(r);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
}

static void report_recorder(void *arg)
{
	struct recorder *r = arg;

	fprintf(stderr, "=== the recorder had %zu requests on %u connections\n", r->count,
		r->connections);
	for (size_t i = r->kept_count > PRINTED ? r->kept_count - PRINTED : 0; i < r->kept_count;
		i++) {
		const struct recorded *k = &r->kept[i]->r;

		fprintf(stderr, "%s %s on connection %u, %zu bytes\n%.1000s%.1000s\n", k->method,
			k->target, k->connection, k->body.len, k->headers.data, k->body.data);
	}
}

struct recorder *recorder_start(const struct recorder_opts *opts)
{
	struct recorder *r = case_alloc(sizeof(*r));
	pthread_condattr_t attr;

	if (opts)
		r->opts = *opts;
	r->waiting.prev = r->waiting.next = &r->waiting;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	case_defer(undo_recorder, r);
	case_on_failure(report_recorder, r);
	start_daemon(r);
	if (pthread_create(&r->timer, NULL, run_timer, r) != 0)
		case_fail("the recorder's second thread does not start");
	return r;
}

int recorder_port(const struct recorder *r)
{
	return r->port;
}

const char *recorder_unix_path(const struct recorder *r)
{
	return r->unix_path[0] ? r->unix_path : NULL;
}

const char *recorder_url(const struct recorder *r, const char *path)
{
	return case_printf("%s://127.0.0.1:%d%s", r->opts.tls ? "https" : "http", r->port, path);
}
