/* signin.c
 *
 * One client at a time: connect, CONNECT, wait for CONNACK, DISCONNECT, close. A blocking socket
 * and five system calls a client, so that what is measured is the broker's work and as little of
 * ours as can be. --count clients in all; they go round through the people of --groups and
 * --members.
 */
#include "bench/signin.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/die.h"
#include "bench/hist.h"
#include "bench/net.h"
#include "bench/people.h"
#include "bench/report.h"

#define KEEPALIVE_S 60
#define ANSWER_MAX  512

/* Wait for CONNACK. Anything else, or a refusal, ends the measurement. */
static void await_connack(int fd, const struct person *p, enum mqtt_version version)
{
	char answer[ANSWER_MAX];
	size_t len = 0, size;
	struct mqtt_packet packet;
	struct mqtt_connack ack;
	enum mqtt_scan scan;

	do {
		ssize_t got = recv(fd, answer + len, sizeof(answer) - len, 0);

		if (got <= 0)
			die("client %s: the broker closed the connection", p->client);
		len += (size_t)got;
		scan = mqtt_scan(&packet, &size, answer, len);
	} while (scan == MQTT_PARTIAL && len < sizeof(answer));
	if (scan != MQTT_WHOLE || packet.type != MQTT_CONNACK ||
		!mqtt_get_connack(&ack, &packet, version))
		die("client %s: the broker sent a malformed answer", p->client);
	if (ack.reason)
		die("client %s: sign-in refused with reason 0x%02x", p->client, ack.reason);
}

static void send_all(int fd, const struct person *p, struct buf *b)
{
	if (b->failed)
		die("out of memory");
	if (send(fd, b->data, b->len, MSG_NOSIGNAL) != (ssize_t)b->len)
		die("client %s: the connection broke", p->client);
	buf_reset(b);
}

static void sign_in(const struct sockaddr_in *address, const struct person *p,
	enum mqtt_version version, struct buf *out)
{
	struct mqtt_login login = {p->client, p->user, p->password, KEEPALIVE_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		die("cannot connect: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	mqtt_put_connect(out, version, &login);
	send_all(fd, p, out);
	await_connack(fd, p, version);
	mqtt_put_empty(out, MQTT_DISCONNECT);
	send_all(fd, p, out);
	close(fd);
}

int signin_run(const struct options *o)
{
	static struct hist latency;
	struct sockaddr_in address = net_resolve(o->host, o->port);
	struct people people = {0};
	struct buf out = {0};
	int64_t start_ns, at_ns, cpu_ns;
	int64_t count = o->count ? o->count : o->groups * o->members;
	double seconds;
	struct report r;

	people_make(&people, o, (unsigned)o->groups, (unsigned)o->members);
	cpu_ns = clock_cpu_ns();
	start_ns = at_ns = clock_ns();
	for (int64_t i = 0; i < count; i++) {
		int64_t before_ns = at_ns;

		sign_in(&address, &people.list[i % people.count], (enum mqtt_version)o->version,
			&out);
		at_ns = clock_ns();
		hist_add(&latency, (uint64_t)(at_ns - before_ns));
	}
	seconds = (double)(at_ns - start_ns) / (double)NS_PER_S;
	report_begin(&r, o->json, o->command, o->target);
	report_number(&r, "signins_per_s", "/s", (double)count / seconds);
	report_latency(&r, &latency);
	report_number(&r, "seconds", "s", seconds);
	report_number(&r, "own_cpu", "cores",
		(double)(clock_cpu_ns() - cpu_ns) / (double)NS_PER_S / seconds);
	report_end(&r, true);
	buf_free(&out);
	people_finish(&people);
	return 0;
}
