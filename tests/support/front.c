/* front.c — see front.h.
 *
 * nginx runs as one process that is neither master nor daemon: it keeps the user it is started as,
 * and there is one process to stop.
 */
#include "tests/support/front.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/certs.h"
#include "tests/support/instance.h"
#include "tests/support/proc.h"
#include "tests/support/recorder.h"

struct front {
	struct proc nginx;
	char dir[64];
	int port;
};

static const char *path_in(const struct front *f, const char *name)
{
	return case_printf("%s/%s", f->dir, name);
}

static void report_front(void *arg)
{
	const struct front *f = arg;

	fprintf(stderr, "=== nginx on port %d\n", f->port);
	print_tail(path_in(f, "out"), 20);
	print_tail(path_in(f, "error.log"), 20);
	print_tail(path_in(f, "access.log"), 10);
}

static void undo_front(void *arg, bool failed)
{
	struct front *f = arg;

	(void)failed;
	run((const char *const[]){"rm", "-rf", f->dir, NULL});
	case_forget_report(f);
}

static void check_front(void *arg)
{
	front_stop(arg);
}

/* What it does with a request. nginx reads a body only to hand it on, so it is behind itself, too.
 */
static const char *location(const struct front_opts *o)
{
	if (o->early)
		return "location / { return 200; }\n";
	return "location / {\n"
	       "proxy_pass http://behind;\n"
	       "proxy_http_version 1.1;\n"
	       "proxy_set_header Connection '';\n"
	       "proxy_set_header Host $http_host;\n"
	       "proxy_set_header X-Protocol $server_protocol;\n"
	       "proxy_set_header X-Connection $connection;\n"
	       "proxy_pass_header Date;\n"
	       "proxy_pass_header Server;\n"
	       "proxy_next_upstream off;\n"
	       "proxy_read_timeout 1h;\n"
	       "}\n";
}

static const char *upstream(const struct front *f, const struct front_opts *o)
{
	const char *address = !o->behind ? case_printf("unix:%s/itself", f->dir)
			      : recorder_unix_path(o->behind)
				      ? case_printf("unix:%s", recorder_unix_path(o->behind))
				      : case_printf("127.0.0.1:%d", recorder_port(o->behind));
	const char *itself = case_printf("server { listen unix:%s/itself; access_log off; "
					 "location / { return 200; } }\n",
		f->dir);

	return case_printf("upstream behind { server %s; keepalive 512; "
			   "keepalive_requests 1000000000; keepalive_time 1d; }\n%s",
		address, o->behind ? "" : itself);
}

static const char *configuration(const struct front *f, const struct front_opts *o)
{
	return case_printf(
		"daemon off;\nmaster_process off;\npid %s/pid;\nerror_log %s/error.log;\n"
		"events { worker_connections 4096; }\n"
		"http {\n"
		"log_format short '$connection $server_protocol $status';\n"
		"access_log %s/access.log short;\n"
		"client_body_temp_path %s/t1;\nproxy_temp_path %s/t2;\n"
		"fastcgi_temp_path %s/t3;\nuwsgi_temp_path %s/t4;\n"
		"scgi_temp_path %s/t5;\n"
		"client_body_buffer_size 64k;\nclient_max_body_size 0;\n"
		"keepalive_timeout 1d;\nkeepalive_time 1d;\nkeepalive_requests %u;\n"
		"http2_max_concurrent_streams %u;\n"
		"%s"
		"server {\nlisten 127.0.0.1:%d ssl%s;\n"
		"ssl_certificate %s;\nssl_certificate_key %s;\n"
		"%s%s}\n}\n",
		f->dir, f->dir, f->dir, f->dir, f->dir, f->dir, f->dir, f->dir,
		o->per_connection ? o->per_connection : 1000000000u,
		o->streams_max ? o->streams_max : 1024, upstream(f, o), f->port,
		o->http1 ? "" : " http2", certs()->cert, certs()->key, o->extra ? o->extra : "",
		location(o));
}

/* Debian has it where only root looks for programs. */
static const char *nginx_path(void)
{
	return access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx";
}

void front_restart(struct front *f)
{
	const char *argv[] = {nginx_path(), "-e", path_in(f, "error.log"), "-p", f->dir, "-c",
		path_in(f, "nginx.conf"), NULL};
	int64_t until = case_now_ms() + case_patience_ms();

	proc_start(&f->nginx, argv, &(struct proc_spec){.log = path_in(f, "out")});
	while (!port_open(f->port)) {
		if (proc_ended(&f->nginx))
			case_fail("nginx ended with %d", proc_code(&f->nginx));
		if (case_now_ms() > until)
			case_fail("nginx does not listen on port %d", f->port);
		case_pause_ms(2);
	}
}

struct front *front_start(const struct front_opts *opts)
{
	static const struct front_opts none;
	struct front *f = case_alloc(sizeof(*f));
	const char *conf;

	snprintf(f->dir, sizeof(f->dir), "/tmp/gn-front-XXXXXX");
	if (!mkdtemp(f->dir))
		case_fail("cannot make %s: %s", f->dir, strerror(errno));
	case_defer(undo_front, f);
	case_on_failure(report_front, f);
	case_verify(check_front, f);
	f->port = free_port();
	conf = configuration(f, opts ? opts : &none);
	spill(path_in(f, "nginx.conf"), conf, strlen(conf));
	front_restart(f);
	return f;
}

void front_stop(struct front *f)
{
	int code;

	if (f->nginx.pid == 0)
		return;
	code = proc_terminate(&f->nginx);
	if (code != 0)
		case_fail("nginx ended with %d", code);
}

void front_kill(struct front *f)
{
	proc_kill(&f->nginx);
}

void front_pause(struct front *f)
{
	proc_signal(&f->nginx, SIGSTOP);
}

void front_resume(struct front *f)
{
	proc_signal(&f->nginx, SIGCONT);
}

int front_port(const struct front *f)
{
	return f->port;
}

const char *front_url(const struct front *f, const char *path)
{
	return case_printf("https://localhost:%d%s", f->port, path);
}

/* Connections are numbered in the order of time, but their requests are logged in any order. */
struct front_seen front_seen(const struct front *f)
{
	struct front_seen seen = {0};
	FILE *log = fopen(path_in(f, "access.log"), "r");
	unsigned char *known = calloc(1, 1 << 20);
	unsigned connection;
	char protocol[16];

	while (log && known && fscanf(log, "%u %15s %*d", &connection, protocol) == 2) {
		seen.requests++;
		seen.http2 += strcmp(protocol, "HTTP/2.0") == 0;
		if (connection < 1 << 20 && !known[connection]) {
			known[connection] = 1;
			seen.connections++;
		}
	}
	free(known);
	if (log)
		fclose(log);
	return seen;
}

struct front_seen front_seen_all(const struct front *f, size_t requests)
{
	int64_t until = case_now_ms() + case_patience_ms();
	struct front_seen seen = front_seen(f);

	while (seen.requests < requests) {
		if (case_now_ms() > until)
			case_fail("nginx should have %zu requests, and has %zu", requests,
				seen.requests);
		case_pause_ms(20);
		seen = front_seen(f);
	}
	return seen;
}
