/* broker_conf_test.c — mosquitto.conf as init writes it and run reads it, and the files shipped in
 * conf/. */
/* First, since cmocka has a macro of the name fail. */
#include "clients/gnatterctl/broker_conf.c"
#include "clients/gnatterctl/say.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void write_to(char *path, const struct broker_conf_values *v)
{
	struct buf text = {0};
	int fd = mkstemp(path);

	broker_conf_write(&text, v);
	assert_false(text.failed);
	assert_int_equal(write(fd, text.data, text.len), text.len);
	close(fd);
	buf_free(&text);
}

/* What is written is read back, and no mark of the template is left. */
static void test_broker_conf_write_reads_back(void **state)
{
	(void)state;
	static const struct {
		uint16_t ws_port, bridge_port;
		size_t listeners;
	} cases[] = {{0, 0, 1}, {9001, 0, 2}, {0, 18830, 2}, {9001, 18830, 3}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char path[] = "/tmp/gnatter-conf-XXXXXX";
		struct broker_conf_values v = {.dir = "/srv/my chat",
			.user = "chat",
			.plugin = "/opt/my plugin/gnatter.so",
			.port = 1884,
			.ws_port = cases[i].ws_port,
			.bridge_port = cases[i].bridge_port};
		struct broker_conf c;

		write_to(path, &v);
		assert_true(broker_conf_read(&c, path));
		unlink(path);
		assert_int_equal(c.count, cases[i].listeners);
		assert_int_equal(broker_conf_mqtt(&c)->port, 1884);
		assert_string_equal(broker_conf_mqtt(&c)->address, "127.0.0.1");
		assert_string_equal(c.plugin, v.plugin);
		assert_string_equal(c.persistence, "/srv/my chat/data/broker");
		if (cases[i].ws_port) {
			assert_int_equal(c.listeners[1].port, cases[i].ws_port);
			assert_true(c.listeners[1].websockets);
		}
		if (cases[i].bridge_port)
			assert_int_equal(c.listeners[c.count - 1].port, cases[i].bridge_port);
	}
}

static void test_broker_conf_write_leaves_no_mark(void **state)
{
	(void)state;
	struct broker_conf_values v = {.dir = "/d", .user = "u", .plugin = "/p", .port = 1883};
	struct buf text = {0};

	broker_conf_write(&text, &v);
	buf_u8(&text, 0);
	assert_false(text.failed);
	assert_null(strchr(text.data, '@'));
	assert_non_null(strstr(text.data, "\nlistener 0 /d/run/broker.sock\n"));
	assert_non_null(strstr(text.data, "\nuser u\n"));
	buf_free(&text);
}

/* Lines that people write: spaces, comments, nonsense; never more than there is room for. */
static void test_broker_conf_read_odd_lines(void **state)
{
	(void)state;
	static const char text[] =
		"# listener 1\nlistener  1885   ::1 \r\nlistener 70000\nlistener x\n"
		"listener\nlistener 0 /a/b\nlistener 1886 # all\nprotocol websockets\n"
		"plugin    /x\n\n \nplugin";
	char path[] = "/tmp/gnatter-conf-XXXXXX";
	struct broker_conf c;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	for (int i = 0; i < 100; i++)
		assert_true(dprintf(fd, "\nlistener %d\n", 2000 + i) > 0);
	close(fd);
	assert_true(broker_conf_read(&c, path));
	unlink(path);
	assert_int_equal(c.count, BROKER_LISTENERS_MAX);
	assert_int_equal(c.listeners[0].port, 1885);
	assert_string_equal(c.listeners[0].address, "::1");
	assert_int_equal(c.listeners[1].port, 1886);
	assert_string_equal(c.listeners[1].address, "");
	assert_true(c.listeners[1].websockets);
	assert_string_equal(c.plugin, "/x");
}

static void test_broker_conf_socket_ok_borders(void **state)
{
	(void)state;
	char path[200];

	memset(path, 'a', sizeof(path));
	path[107] = '\0';
	assert_true(broker_conf_socket_ok(path));
	path[107] = 'a';
	path[108] = '\0';
	assert_false(broker_conf_socket_ok(path));
	assert_false(broker_conf_socket_ok("/a b/run"));
	assert_false(broker_conf_socket_ok("/a\tb/run"));
}

/* A port with a listener is taken, on its own address and on "every"; then it is free again. */
static void test_port_free_sees_a_listener(void **state)
{
	(void)state;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port;

	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s, 1), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &len), 0);
	port = ntohs(a.sin_port);
	assert_false(port_free("127.0.0.1", port));
	assert_false(port_free("", port));
	close(s);
	assert_true(port_free("127.0.0.1", port));
}

/* conf/gnatter.conf is what init writes: after a change of options, take it from a new instance. */
static void test_shipped_gnatter_conf_is_printed(void **state)
{
	(void)state;
	char *want = NULL, have[65536];
	size_t want_len = 0, have_len;
	FILE *out = open_memstream(&want, &want_len), *in = fopen("conf/gnatter.conf", "r");
	struct conf c;

	assert_non_null(in);
	conf_defaults(&c, "/var/lib/gnatter");
	conf_print(&c, out);
	fclose(out);
	have_len = fread(have, 1, sizeof(have), in);
	fclose(in);
	assert_int_equal(have_len, want_len);
	assert_memory_equal(have, want, want_len);
	free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broker_conf_write_reads_back),
		cmocka_unit_test(test_broker_conf_write_leaves_no_mark),
		cmocka_unit_test(test_broker_conf_read_odd_lines),
		cmocka_unit_test(test_broker_conf_socket_ok_borders),
		cmocka_unit_test(test_port_free_sees_a_listener),
		cmocka_unit_test(test_shipped_gnatter_conf_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
