/* logline_test.c — lines with and without the time, and what is cut off and cleaned. */
#include "wire/logline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TIME_LEN 20 /* 2026-01-31T12:00:00Z */

static int own_stderr;
static FILE *said;

static int setup(void **state)
{
	(void)state;
	own_stderr = dup(STDERR_FILENO);
	said = tmpfile();
	if (!said || own_stderr < 0)
		return -1;
	unsetenv("JOURNAL_STREAM");
	return dup2(fileno(said), STDERR_FILENO) < 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(own_stderr, STDERR_FILENO);
	close(own_stderr);
	fclose(said);
	return 0;
}

/* What was said since the last call; valid until the next. */
static const char *heard(void)
{
	static char text[4 * LOGLINE_MAX];
	ssize_t n = pread(fileno(said), text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(fileno(said), 0), 0);
	assert_int_equal(lseek(fileno(said), 0, SEEK_SET), 0);
	return text;
}

/* The time in front of a line, which must be that of now. */
static void check_time(const char *line)
{
	struct tm tm = {0};
	time_t now = time(NULL), then;
	const char *end = strptime(line, "%Y-%m-%dT%H:%M:%SZ", &tm);

	assert_ptr_equal(end, line + TIME_LEN);
	then = timegm(&tm);
	assert_true(then <= now && then > now - 60);
}

static void set_journal(unsigned long long device, unsigned long long inode)
{
	char text[64];

	snprintf(text, sizeof(text), "%llu:%llu", device, inode);
	setenv("JOURNAL_STREAM", text, 1);
}

/* First, as nothing takes the time away but a journal. */
static void test_line(void **state)
{
	(void)state;
	log_line("%d of %s", 7, "them");
	assert_string_equal(heard(), "gnatter: 7 of them\n");
	log_name("tester");
	log_line("x");
	log_line("y");
	assert_string_equal(heard(), "tester: x\ntester: y\n");
}

static void test_line_is_clean(void **state)
{
	(void)state;
	log_line("%s", "a\nb\x1b[31m\x7f\xc3\xa4\t");
	assert_string_equal(heard(), "tester: a?b?[31m?\xc3\xa4?\n");
}

static void test_line_is_cut(void **state)
{
	char text[2 * LOGLINE_MAX];
	const char *line;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_line("%s", text);
	line = heard();
	assert_in_range(strlen(line), LOGLINE_MAX - 8, LOGLINE_MAX);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	log_line("%.*s", LOGLINE_MAX - 20, text); /* fits */
	assert_int_equal(strlen(heard()), LOGLINE_MAX - 20 + sizeof("tester: \n") - 1);
}

static void test_line_with_time(void **state)
{
	const char *line;

	(void)state;
	log_with_time();
	log_line("x");
	line = heard();
	check_time(line);
	assert_string_equal(line + TIME_LEN, " tester: x\n");
}

/* The journal has its own time. What only inherited the journal's name has not. */
static void test_line_for_the_journal(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	set_journal(st.st_dev, st.st_ino);
	log_with_time();
	log_line("x");
	assert_string_equal(heard(), "tester: x\n");
	set_journal(st.st_dev, st.st_ino + 1);
	log_with_time();
	log_line("x");
	check_time(heard());
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_with_time();
	log_line("x");
	check_time(heard());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line_is_clean, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line_with_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line_for_the_journal, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
