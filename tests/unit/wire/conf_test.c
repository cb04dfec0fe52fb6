/* conf_test.c — gnatter.conf: every option at both sides of its borders, every way to be wrong, and
 * that what is printed reads back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exact.h"
#include "wire/conf.h"
#include "wire/conf_table.h"

static char why[256];

static enum err parse(struct conf *c, const char *text, size_t len)
{
	char *copy = exact_copy(text, len);
	enum err e = conf_parse(c, "/i", "gnatter.conf", copy, len, why, sizeof(why));

	free(copy);
	assert_int_equal(e == ERR_OK, why[0] == '\0');
	return e;
}

static int64_t number_of(const struct conf *c, const struct option *o)
{
	int64_t v;

	memcpy(&v, (const char *)c + o->at, sizeof(v));
	return v;
}

static bool is_text(const struct option *o)
{
	return o->kind == OPTION_PATH || o->kind == OPTION_BROKER || o->kind == OPTION_TEXT;
}

/* Is it written in digits? */
static bool is_number(const struct option *o)
{
	return !is_text(o) && o->kind != OPTION_FLAG;
}

static void test_conf_table_is_sane(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_options_count; i++) {
		const struct option *o = &conf_options[i];

		assert_true(strlen(o->name) > 0 && strlen(o->help) > 10);
		assert_true(o->at < sizeof(struct conf));
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(o->name, conf_options[j].name);
			assert_int_not_equal(o->at, conf_options[j].at);
		}
		if (is_text(o)) {
			assert_non_null(o->text);
			continue;
		}
		assert_true(o->min <= o->def && o->def <= o->max && o->min >= 0);
		assert_true(o->step == 0 || (o->def % o->step == 0 && o->min % o->step == 0 &&
						    o->max % o->step == 0));
	}
	assert_true(conf_options_count <= CONF_OPTIONS_MAX);
}

/* Every field of struct conf but dir has a row. */
static void test_conf_table_is_complete(void **state)
{
	(void)state;
	size_t size = CONF_PATH_MAX;

	for (size_t i = 0; i < conf_options_count; i++)
		size += is_text(&conf_options[i]) ? CONF_PATH_MAX : sizeof(int64_t);
	assert_int_equal(size, sizeof(struct conf));
}

static void test_conf_defaults(void **state)
{
	(void)state;
	struct conf c, parsed;
	char path[CONF_PATH_MAX + 16];

	assert_int_equal(conf_defaults(&c, "/srv/i"), ERR_OK);
	assert_string_equal(c.dir, "/srv/i");
	assert_string_equal(c.data_dir, "/srv/i/data");
	assert_string_equal(c.token_key_file, "/srv/i/keys/token.key");
	assert_string_equal(c.token_public_key_file, "");
	assert_string_equal(c.broker, "unix:/srv/i/run/broker.sock");
	assert_int_equal(c.spool_size, 32 << 20);
	assert_int_equal(c.message_size_max, 1 << 20);
	assert_int_equal(c.password_cache_ttl_ms, 600000);
	assert_int_equal(c.token_ttl_ms, 30LL * 24 * 3600 * 1000);
	assert_int_equal(c.directory_map_size, 8LL << 30);
	conf_store_path(&c, path);
	assert_string_equal(path, "/srv/i/data/store");
	conf_directory_path(&c, path);
	assert_string_equal(path, "/srv/i/data/directory");
	conf_spool_path(&c, path);
	assert_string_equal(path, "/srv/i/data/spool");
	assert_int_equal(parse(&parsed, "", 0), ERR_OK);
	assert_int_equal(conf_defaults(&c, "/i"), ERR_OK);
	assert_memory_equal(&c, &parsed, sizeof(c));
}

static void test_conf_dir_too_long(void **state)
{
	(void)state;
	char dir[CONF_PATH_MAX + 2];
	struct conf c;

	memset(dir, 'd', sizeof(dir));
	dir[0] = '/';
	dir[sizeof(dir) - 1] = '\0';
	assert_int_equal(conf_defaults(&c, dir), ERR_TOO_LARGE);
	assert_int_equal(conf_parse(&c, dir, "x", "", 0, why, sizeof(why)), ERR_BAD_REQUEST);
	assert_string_equal(why, "x: the path of its folder is too long");
	dir[CONF_PATH_MAX - 1 - strlen("unix:/run/broker.sock")] = '\0';
	assert_int_equal(conf_defaults(&c, dir), ERR_OK);
	dir[CONF_PATH_MAX - 1 - strlen("unix:/run/broker.sock")] = 'd';
	dir[CONF_PATH_MAX - strlen("unix:/run/broker.sock")] = '\0';
	assert_int_equal(conf_defaults(&c, dir), ERR_TOO_LARGE);
}

/* min and max are taken; one step beyond is not. What must hold between options is made to hold. */
static void test_conf_numbers_at_borders(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_options_count; i++) {
		const struct option *o = &conf_options[i];
		const int64_t step = o->step ? o->step : 1;
		const int64_t values[] = {o->min - step, o->min, o->max, o->max + step};
		const char *unit = o->kind == OPTION_TIME ? "ms" : "";

		for (size_t v = 0; is_number(o) && v < COUNT_OF(values); v++) {
			bool inside = values[v] >= o->min && values[v] <= o->max;
			char text[300];
			struct conf c;
			int len = snprintf(text, sizeof(text), "%s %lld%s\n", o->name,
				(long long)values[v], unit);

			if (strcmp(o->name, "message_size_max") != 0)
				len += snprintf(text + len, sizeof(text) - (size_t)len,
					"message_size_max 1K\n");
			else
				len += snprintf(text + len, sizeof(text) - (size_t)len,
					"frame_size_max 8M\n");
			if (parse(&c, text, (size_t)len) != (inside ? ERR_OK : ERR_BAD_REQUEST))
				fail_msg("%s: %s", text, why);
			if (inside)
				assert_true(number_of(&c, o) == values[v]);
		}
	}
}

static void test_conf_units(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int64_t want; /* -1: refused */
	} cases[] = {
		{"spool_size 33554432", 33554432},
		{"spool_size 32768K", 33554432},
		{"spool_size 32M", 33554432},
		{"spool_size 1G", 1 << 30},
		{"spool_size 32m", -1},
		{"spool_size 32MB", -1},
		{"spool_size 32 M", -1},
		{"spool_size M", -1},
		{"spool_size -32M", -1},
		{"spool_size +32M", -1},
		{"spool_size 0x2000000", -1},
		{"spool_size 1.5G", -1},
		{"spool_size 33554433", -1}, /* no multiple of 4096 */
		{"spool_size 999999999999999999", -1},
		{"spool_size 9999999999999999999", -1},
		{"spool_size 99999999999999999G", -1},
		{"spool_size 00000000000000000000032M", -1},
		{"spool_size 032M", 33554432},
		{"password_cache_ttl 0s", 0},
		{"password_cache_ttl 1500ms", 1500},
		{"password_cache_ttl 90s", 90000},
		{"password_cache_ttl 5m", 300000},
		{"password_cache_ttl 2h", 7200000},
		{"password_cache_ttl 1d", 86400000},
		{"password_cache_ttl 1w", -1},
		{"password_cache_ttl 5", -1},
		{"password_cache_ttl 0", -1},
		{"rate_per_user 0", 0},
		{"rate_per_user 7", 7},
		{"rate_per_user 7K", -1},
		{"rate_per_user 7s", -1},
		{"rate_per_user seven", -1},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf c;
		enum err e = parse(&c, cases[i].line, strlen(cases[i].line));

		if (e != (cases[i].want < 0 ? ERR_BAD_REQUEST : ERR_OK))
			fail_msg("%s: %s", cases[i].line, why);
		for (size_t o = 0; e == ERR_OK && o < conf_options_count; o++) {
			size_t len = strlen(conf_options[o].name);

			if (strncmp(cases[i].line, conf_options[o].name, len) == 0 &&
				cases[i].line[len] == ' ')
				assert_true(number_of(&c, &conf_options[o]) == cases[i].want);
		}
	}
}

static void test_conf_lines(void **state)
{
	(void)state;
	static const char text[] = "# a comment\n"
				   "\n"
				   "   \t \n"
				   "  # another \x01\n"
				   "rate_per_user 7\n"
				   "\trate_burst\t 8 \t\r\n"
				   "data_dir /with a space/# no comment \n"
				   "token_public_key_file keys/backend.pub";
	struct conf c;

	assert_int_equal(parse(&c, text, sizeof(text) - 1), ERR_OK);
	assert_int_equal(c.rate_per_user, 7);
	assert_int_equal(c.rate_burst, 8);
	assert_string_equal(c.data_dir, "/with a space/# no comment");
	assert_string_equal(c.token_public_key_file, "/i/keys/backend.pub");
}

static void test_conf_sentences(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"\nfoo 1\n", "gnatter.conf:2: there is no option foo"},
		{"rate_per_user\n", "gnatter.conf:1: rate_per_user has no value"},
		{"rate_per_user 1\n\nrate_per_user 1\n",
			"gnatter.conf:3: rate_per_user stands in the file twice"},
		{"rate_per_user x\n", "gnatter.conf:1: rate_per_user must be a number"},
		{"rate_per_user 1000001\n",
			"gnatter.conf:1: rate_per_user must be from 0 to 1000000"},
		{"spool_size 1\n", "gnatter.conf:1: spool_size must be from 1M to 16G"},
		{"spool_size 1x\n", "gnatter.conf:1: spool_size must be a size: a number, and K, M "
				    "or G if it is not bytes"},
		{"spool_size 1048577\n", "gnatter.conf:1: spool_size must be a multiple of 4096"},
		{"token_ttl 30\n",
			"gnatter.conf:1: token_ttl must be a time: a number, and ms, s, m, h or d"},
		{"password_cache_ttl 2d\n",
			"gnatter.conf:1: password_cache_ttl must be from 0s to 1d"},
		{"broker 10.0.0.1:1883\n", "gnatter.conf:1: broker must be unix:PATH, or HOST:PORT "
					   "with HOST on this machine"},
		{"rate_per_user=1\n", "gnatter.conf:1: a line is \"key value\", or begins with #"},
		{"Rate 1\n", "gnatter.conf:1: a line is \"key value\", or begins with #"},
		{"data_dir a\x1b[31m\n",
			"gnatter.conf:1: there is a control character in this line"},
		{"data_dir a\rb\n", "gnatter.conf:1: there is a control character in this line"},
		{"message_size_max 3M\n",
			"gnatter.conf: frame_size_max must be at least message_size_max"},
		{"spool_size 2M\n",
			"gnatter.conf: spool_size must be at least four times message_size_max"},
	};
	struct conf c, before;

	memset(&before, 0x5a, sizeof(before));
	c = before;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(parse(&c, cases[i].text, strlen(cases[i].text)), ERR_BAD_REQUEST);
		assert_string_equal(why, cases[i].why);
		assert_memory_equal(&c, &before, sizeof(c));
	}
	assert_int_equal(parse(&c, "data_dir a\0b\n", 13), ERR_BAD_REQUEST);
	assert_string_equal(why, "gnatter.conf:1: there is a NUL in this line");
}

/* A sentence that does not fit is cut, at every size. */
static void test_conf_why_of_every_size(void **state)
{
	(void)state;
	for (size_t size = 0; size < 64; size++) {
		char *out = exact_copy(why, size);
		struct conf c;

		assert_int_equal(conf_parse(&c, "/i", "gnatter.conf", "foo 1", 5, out, size),
			ERR_BAD_REQUEST);
		if (size)
			assert_true(strlen(out) < size);
		free(out);
	}
}

static void test_conf_line_length_at_border(void **state)
{
	(void)state;
	for (int len = 1023; len <= 1024; len++) {
		char text[2000];
		struct conf c;

		snprintf(text, sizeof(text), "#%0*d\nrate_per_user 7\n", len - 1, 0);
		assert_int_equal(
			parse(&c, text, strlen(text)), len == 1023 ? ERR_OK : ERR_BAD_REQUEST);
		if (len == 1024)
			assert_string_equal(
				why, "gnatter.conf:1: the line is longer than 1023 bytes");
	}
}

static void test_conf_path_length_at_border(void **state)
{
	(void)state;
	for (int len = CONF_PATH_MAX - 4; len <= CONF_PATH_MAX - 3;
		len++) { /* "/i/" comes before */
		char text[2000];
		struct conf c;
		bool fits = 3 + len < CONF_PATH_MAX;

		snprintf(text, sizeof(text), "data_dir %0*d\n", len, 0);
		assert_int_equal(parse(&c, text, strlen(text)), fits ? ERR_OK : ERR_BAD_REQUEST);
	}
}

/* Text is kept as it stands: never taken for a path, never empty but by being left out. */
static void test_conf_text(void **state)
{
	(void)state;
	static const char line[] = "push_apns_topic  org.example.a org.example.b \t\n"
				   "push_webhook_url https://example.org/x?y=#z\n";
	char text[2000];
	struct conf c;

	assert_int_equal(parse(&c, line, strlen(line)), ERR_OK);
	assert_string_equal(c.push_apns_topic, "org.example.a org.example.b");
	assert_string_equal(c.push_webhook_url, "https://example.org/x?y=#z");
	assert_string_equal(c.push_webpush_subject, "");
	assert_string_equal(c.push_fcm_url, "https://fcm.googleapis.com");
	assert_int_equal(parse(&c, "push_apns_team\n", 15), ERR_BAD_REQUEST);
	for (int len = CONF_PATH_MAX - 1; len <= CONF_PATH_MAX; len++) {
		snprintf(text, sizeof(text), "push_apns_team %0*d\n", len, 0);
		assert_int_equal(parse(&c, text, strlen(text)),
			len < CONF_PATH_MAX ? ERR_OK : ERR_BAD_REQUEST);
	}
	assert_string_equal(why, "gnatter.conf:1: push_apns_team is too long: more than 511 bytes");
}

static void test_conf_flags(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int64_t want; /* -1: refused */
	} cases[] = {
		{"push_allow_http true", 1},
		{"push_allow_http false", 0},
		{"push_allow_http 1", -1},
		{"push_allow_http 0", -1},
		{"push_allow_http yes", -1},
		{"push_allow_http True", -1},
		{"push_allow_http truee", -1},
		{"push_allow_http false false", -1},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf c;
		enum err e = parse(&c, cases[i].line, strlen(cases[i].line));

		assert_int_equal(e, cases[i].want < 0 ? ERR_BAD_REQUEST : ERR_OK);
		if (e == ERR_OK)
			assert_int_equal(c.push_allow_http, cases[i].want);
		else
			assert_string_equal(
				why, "gnatter.conf:1: push_allow_http must be true or false");
	}
}

static void test_conf_broker(void **state)
{
	(void)state;
	static const struct {
		const char *value, *want; /* NULL: refused */
	} cases[] = {
		{"unix:run/b.sock", "unix:/i/run/b.sock"},
		{"unix:/run/b.sock", "unix:/run/b.sock"},
		{"unix:", NULL},
		{"127.0.0.1:1884", "127.0.0.1:1884"},
		{"127.9.9.9:1", "127.9.9.9:1"},
		{"localhost:65535", "localhost:65535"},
		{"::1:1884", "::1:1884"},
		{"localhost:65536", NULL},
		{"localhost:0", NULL},
		{"localhost:", NULL},
		{"localhost:x", NULL},
		{"localhost:1x", NULL},
		{"localhost:-1", NULL},
		{"localhost:000001", NULL},
		{"localhost", NULL},
		{"example.org:1883", NULL},
		{"localhost.example.org:1883", NULL},
		{"127.example.org:1883", NULL},
		{":1883", NULL},
		{"/run/b.sock", NULL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[200];
		struct conf c;

		snprintf(text, sizeof(text), "broker %s\n", cases[i].value);
		if (parse(&c, text, strlen(text)) != (cases[i].want ? ERR_OK : ERR_BAD_REQUEST))
			fail_msg("%s", text);
		if (cases[i].want)
			assert_string_equal(c.broker, cases[i].want);
	}
}

/* sockaddr_un has room for 107 bytes. */
static void test_conf_broker_path_at_border(void **state)
{
	(void)state;
	for (int len = 107; len <= 108; len++) {
		char text[200];
		struct conf c;

		snprintf(text, sizeof(text), "broker unix:/%0*d\n", len - 1, 0);
		assert_int_equal(
			parse(&c, text, strlen(text)), len == 107 ? ERR_OK : ERR_BAD_REQUEST);
		if (len == 108)
			assert_string_equal(why, "gnatter.conf: broker is too long for a unix "
						 "socket: use 127.0.0.1:PORT");
	}
}

static void expect_round_trip(const struct conf *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct conf back;

	assert_non_null(f);
	conf_print(c, f);
	assert_int_equal(fclose(f), 0);
	if (conf_parse(&back, c->dir, "printed", text, len, why, sizeof(why)) != ERR_OK)
		fail_msg("%s\n%s", why, text);
	assert_memory_equal(&back, c, sizeof(back));
	free(text);
}

static void test_conf_print_reads_back(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"data_dir /elsewhere\nbroker 127.0.0.1:9999\ntoken_public_key_file k.pub\n",
		"data_dir /i\ntoken_key_file /i/ x\ntoken_public_key_file /i//x\nbroker "
		"unix:/j/s\n",
		"data_dir #x\ntoken_key_file /i/#y\ntoken_public_key_file /ii/x\n",
		"message_size_max 1025\nframe_size_max 65537\nspool_size 1052672\n",
		"password_cache_ttl 0s\ntoken_ttl 90061001ms\nrate_per_user 0\nstore_bloom_bits "
		"0\n",
		"password_cache_ttl 1ms\ntoken_ttl 36h\ndirectory_map_size 1025M\n",
		"push_apns_topic /i/x #y\npush_fcm_url #\npush_allow_http true\n",
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct conf c;

		if (parse(&c, texts[i], strlen(texts[i])) != ERR_OK)
			fail_msg("%s", why);
		expect_round_trip(&c);
	}
}

/* Each number at its bounds, printed and read again. */
static void test_conf_print_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_options_count; i++) {
		const struct option *o = &conf_options[i];
		struct conf c;

		for (int high = 0; !is_text(o) && high < 2; high++) {
			const int64_t v = high ? o->max : o->min;

			assert_int_equal(conf_defaults(&c, "/i"), ERR_OK);
			c.frame_size_max = 8 << 20;
			c.message_size_max = 64 << 10;
			memcpy((char *)&c + o->at, &v, sizeof(v));
			expect_round_trip(&c);
		}
	}
}

/* Every option is explained above its default, in lines that a terminal shows whole. */
static void test_conf_print_explains(void **state)
{
	(void)state;
	char *text = NULL, *line;
	size_t len = 0, options = 0;
	FILE *f = open_memstream(&text, &len);
	struct conf c;

	assert_non_null(f);
	assert_int_equal(conf_defaults(&c, "/i"), ERR_OK);
	conf_print(&c, f);
	assert_int_equal(fclose(f), 0);
	assert_null(strstr(text, "/i/")); /* the instance can be moved */
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		static const char *before = "";

		assert_true(strlen(line) <= 80);
		if (options < conf_options_count &&
			strstr(line, conf_options[options].name) == line + (line[0] == '#')) {
			assert_non_null(strstr(before, "# Default: "));
			options++;
		}
		before = line;
	}
	assert_int_equal(options, conf_options_count);
	free(text);
}

static void test_conf_reload(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_options_count; i++) {
		const struct option *o = &conf_options[i];
		struct conf c, next;

		assert_int_equal(conf_defaults(&c, "/i"), ERR_OK);
		next = c;
		assert_false(conf_reload(&c, &next));
		assert_memory_equal(&c, &next, sizeof(c));
		((char *)&next)[o->at] ^= 1;
		assert_int_equal(conf_reload(&c, &next), !o->reload);
		if (o->reload)
			assert_memory_equal(&c, &next, sizeof(c));
		else
			assert_int_not_equal(((char *)&c)[o->at], ((char *)&next)[o->at]);
	}
}

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/gnatter-conf-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/gnatter.conf", folder);
	unlink(path);
	return rmdir(folder);
}

static void write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void test_conf_load(void **state)
{
	(void)state;
	char path[100], want[200];
	struct conf c;

	snprintf(path, sizeof(path), "%s/gnatter.conf", folder);
	snprintf(want, sizeof(want), "%s/here", folder);
	write_file(path, "data_dir here\n", 14);
	assert_int_equal(conf_load(&c, path, why, sizeof(why)), ERR_OK);
	assert_string_equal(c.dir, folder);
	assert_string_equal(c.data_dir, want);
	/* from within the folder, by its bare name and through .. */
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(conf_load(&c, "gnatter.conf", why, sizeof(why)), ERR_OK);
	assert_string_equal(c.data_dir, want);
	assert_int_equal(conf_load(&c, "./../.././tmp/../gnatter.conf", why, sizeof(why)), ERR_IO);
	write_file(path, "foo", 3);
	assert_int_equal(conf_load(&c, path, why, sizeof(why)), ERR_BAD_REQUEST);
	snprintf(want, sizeof(want), "%s:1: there is no option foo", path);
	assert_string_equal(why, want);
	assert_int_equal(chdir("/"), 0);
}

static void test_conf_load_unreadable(void **state)
{
	(void)state;
	static char big[65537];
	char path[100];
	struct conf c;

	snprintf(path, sizeof(path), "%s/gnatter.conf", folder);
	assert_int_equal(conf_load(&c, path, why, sizeof(why)), ERR_IO);
	assert_non_null(strstr(why, "gnatter.conf: cannot read it: No such file or directory"));
	assert_int_equal(conf_load(&c, folder, why, sizeof(why)), ERR_BAD_REQUEST);
	assert_non_null(strstr(why, "this is not a file"));
	assert_int_equal(conf_load(&c, "", why, sizeof(why)), ERR_IO);
	memset(big, '\n', sizeof(big));
	write_file(path, big, sizeof(big) - 1);
	assert_int_equal(conf_load(&c, path, why, sizeof(why)), ERR_OK);
	write_file(path, big, sizeof(big));
	assert_int_equal(conf_load(&c, path, why, sizeof(why)), ERR_BAD_REQUEST);
	assert_non_null(strstr(why, "the file is longer than 65536 bytes"));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(conf_load(&c, path, why, sizeof(why)), ERR_BAD_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf_table_is_sane),
		cmocka_unit_test(test_conf_table_is_complete),
		cmocka_unit_test(test_conf_defaults),
		cmocka_unit_test(test_conf_dir_too_long),
		cmocka_unit_test(test_conf_numbers_at_borders),
		cmocka_unit_test(test_conf_units),
		cmocka_unit_test(test_conf_lines),
		cmocka_unit_test(test_conf_sentences),
		cmocka_unit_test(test_conf_why_of_every_size),
		cmocka_unit_test(test_conf_line_length_at_border),
		cmocka_unit_test(test_conf_path_length_at_border),
		cmocka_unit_test(test_conf_text),
		cmocka_unit_test(test_conf_flags),
		cmocka_unit_test(test_conf_broker),
		cmocka_unit_test(test_conf_broker_path_at_border),
		cmocka_unit_test(test_conf_print_reads_back),
		cmocka_unit_test(test_conf_print_bounds),
		cmocka_unit_test(test_conf_print_explains),
		cmocka_unit_test(test_conf_reload),
		cmocka_unit_test_setup_teardown(test_conf_load, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			test_conf_load_unreadable, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
