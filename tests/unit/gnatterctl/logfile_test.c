/* logfile_test.c — the reason for an end, found in a log, and logs kept small. */
/* First, since cmocka has a macro of the name fail. */
#include "clients/gnatterctl/logfile.c"
#include "clients/gnatterctl/say.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void open_scratch(struct logfile *f)
{
	char path[] = "/tmp/gnatter-log-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_true(logfile_open(f, path));
}

static void close_scratch(struct logfile *f)
{
	char old[PATH_SIZE + 8];

	snprintf(old, sizeof(old), "%s.old", f->path);
	unlink(f->path);
	unlink(old);
	logfile_close(f);
}

static void write_text(const struct logfile *f, const char *text)
{
	assert_int_equal(write(f->fd, text, strlen(text)), strlen(text));
}

/* As mosquitto 2.0.11 and the daemon write them. */
static void test_logfile_reason_finds_it(void **state)
{
	(void)state;
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"", ""},
		{"1795313933: mosquitto version 2.0.11 starting\n", ""},
		{"2026-11-22T02:45:22: Opening ipv4 listen socket on port 1883.\n"
		 "2026-11-22T02:45:22: Error: Address already in use\n",
			"Address already in use"},
		{"1795313933: Error: Unknown configuration variable \"foo\".\n"
		 "1795313933: Error found at bad1.conf:2.\n",
			"Unknown configuration variable \"foo\"; Error found at bad1.conf:2"},
		{"1: Loading plugin: /x.so\n"
		 "1795313933: Error: Unable to load auth plugin \"/x.so\".\n"
		 "1795313933: Load error: /x.so: No such file or directory\n",
			"Unable to load auth plugin \"/x.so\"; Load error: /x.so: No such file or "
			"directory"},
		{"1795313933: Error: Not a directory.\n1795313933: Error: Couldn't open "
		 "database.\n",
			"Not a directory"},
		{"1795313933: gnatter: the key is not there\n"
		 "1795313933: Error: Plugin returned 13 when initialising.\n",
			"the key is not there"},
		{"2026-11-22T02:45:22Z gnatterd: the store is damaged\n", "the store is damaged"},
		{"gnatterd: x; trying again\ngnatterd: the store is damaged\n",
			"the store is damaged"},
		{"1795313933: Error: a\x1b[31m\x07 bell\n", "a?[31m? bell"},
		{"no end of line, an Error: here", "no end of line, an Error: here"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct logfile f;
		char reason[256];

		open_scratch(&f);
		write_text(&f, "1795313933: Error: of an earlier run\n");
		logfile_mark(&f);
		write_text(&f, cases[i].text);
		logfile_reason(&f, reason, sizeof(reason));
		assert_string_equal(reason, cases[i].reason);
		close_scratch(&f);
	}
}

static void test_logfile_says_only_of_this_run(void **state)
{
	(void)state;
	struct logfile f;

	open_scratch(&f);
	write_text(&f, "earlier\n");
	logfile_mark(&f);
	write_text(&f, "now\n");
	assert_true(logfile_says(&f, "now"));
	assert_false(logfile_says(&f, "earlier"));
	close_scratch(&f);
}

/* Past its limit the log is moved aside, and what is written next is found all the same. */
static void test_logfile_rotate_at_the_limit(void **state)
{
	(void)state;
	char old[PATH_SIZE + 8], reason[64];
	struct logfile f;
	struct stat st;

	open_scratch(&f);
	assert_int_equal(ftruncate(f.fd, LOGFILE_MAX), 0);
	logfile_rotate(&f);
	assert_int_equal(fstat(f.fd, &st), 0);
	assert_int_equal(st.st_size, LOGFILE_MAX);
	logfile_mark(&f);
	write_text(&f, "x");
	logfile_rotate(&f);
	assert_int_equal(fstat(f.fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	snprintf(old, sizeof(old), "%s.old", f.path);
	assert_int_equal(stat(old, &st), 0);
	assert_int_equal(st.st_size, LOGFILE_MAX + 1);
	write_text(&f, "1795313933: Error: after\n");
	logfile_reason(&f, reason, sizeof(reason));
	assert_string_equal(reason, "after");
	close_scratch(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logfile_reason_finds_it),
		cmocka_unit_test(test_logfile_says_only_of_this_run),
		cmocka_unit_test(test_logfile_rotate_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
