/* sdk_install_test.c — what `make install` brings: a program that was never in this tree is built
 * with pkg-config against the shared and the static library, and chats. And that the manual page,
 * the completions and --help of gnatter say the same.
 *
 * Runs in the folder of the Makefile, as all tests do.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/client.h"
#include "tests/support/sanitize.h"
#include "tests/support/shell.h"
#include "tests/support/token.h"

static struct instance *in;
static const char *root; /* DESTDIR */

static struct run script(const char *text)
{
	const char *env[] = {case_printf("ROOT=%s", root), "PKG_CONFIG_PATH=", NULL};

	return run_spec(
		(const char *[]){"sh", "-c", text, NULL}, NULL, &(struct proc_spec){.env = env});
}

static char *script_ok(const char *text)
{
	struct run r = script(text);

	if (r.code != 0)
		case_fail("%s\nends with %d: %s%s", text, r.code, r.out, r.err);
	return r.out;
}

/* The compiler that built this. */
static const char *compiler(void)
{
#ifdef __clang__
	return "clang";
#else
	return "gcc";
#endif
}

static const char *make_install(const char *what)
{
	return case_printf("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s CC=%s SANITIZE=%s "
			   "GNATTER_PACKAGES=have %s PREFIX=/usr DESTDIR=\"$ROOT\"",
		compiler(), sanitize_on() ? "1" : "", what);
}

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	root = case_printf("%s/root", in->root);
	script_ok(make_install("install"));
	instance_start(in);
}

/* --- the library ---------------------------------------------------------------------------- */

static const char example[] =
	"#include <gnatter.h>\n"
	"#include <stdio.h>\n"
	"#include <unistd.h>\n"
	"#include <string.h>\n"
	"static void on_sent(void *ctx, struct gnatter *g, const struct gnatter_sent *s) {\n"
	"	(void)g;\n"
	"	if (s->tick >= GNATTER_TICK_STORED) *(volatile int *)ctx = 1;\n"
	"}\n"
	"int buf_printf(void) { return 42; } /* a name that the library has inside, too */\n"
	"int main(int argc, char **argv) {\n"
	"	struct gnatter_options o;\n"
	"	struct gnatter *g;\n"
	"	volatile int stored = 0;\n"
	"	if (strcmp(gnatter_version(), GNATTER_VERSION) != 0 || argc < 3) return 2;\n"
	"	gnatter_options_init(&o);\n"
	"	o.address = argv[1]; o.user = \"alice\"; o.device = \"app\"; o.secret = argv[2];\n"
	"	o.ctx = (void *)&stored; o.callbacks.on_sent = on_sent;\n"
	"	if (gnatter_create(&g, &o) || gnatter_connect(g)) return 3;\n"
	"	if (gnatter_send_text(g, \"lobby\", argv[3], NULL)) return 4;\n"
	"	for (int i = 0; i < 2000 && !stored; i++) usleep(10000);\n"
	"	gnatter_destroy(g);\n"
	"	return stored && buf_printf() == 42 ? 0 : 5;\n"
	"}\n";

/* Build it and let it say a word. */
static void build_and_run(const char *how, const char *word)
{
	const char *token = token_mint(&in->keys, &(struct token){.sub = "alice"});
	struct client *bob = client_5(in, "bob", "phone");

	client_subscribe_ok(bob, "chat/lobby/msg", 1);
	spill(case_printf("%s/app.c", in->root), example, strlen(example));
	script_ok(
		case_printf("cd \"$ROOT/..\" && export PKG_CONFIG_SYSROOT_DIR=\"$ROOT\" "
			    "PKG_CONFIG_LIBDIR=\"$ROOT/usr/lib/pkgconfig\" && %s -Wall -Werror %s "
			    "app.c -o app %s",
			compiler(), sanitize_on() ? "-fsanitize=address,undefined" : "", how));
	script_ok(case_printf("LD_LIBRARY_PATH=\"$ROOT/usr/lib\" \"$ROOT/../app\" "
			      "tcp://127.0.0.1:%d %s '%s'",
		in->port, token, word));
	client_take(bob, "chat/lobby/msg", word);
}

static void test_shared(void **state)
{
	(void)state;
	build_and_run("$(pkg-config --cflags --libs gnatter)", "by the shared library");
	assert_non_null(strstr(script_ok("readelf -d \"$ROOT/../app\""), "[libgnatter.so.0]"));
}

static void test_static(void **state)
{
	(void)state;
	build_and_run("$(pkg-config --cflags gnatter) -Wl,-Bstatic -L\"$ROOT/usr/lib\" -lgnatter "
		      "-Wl,-Bdynamic $(pkg-config --static --libs gnatter | sed 's/-lgnatter//')",
		"by the static one");
	assert_null(strstr(script_ok("readelf -d \"$ROOT/../app\""), "libgnatter"));
}

/* Nothing else is seen from outside, so nothing can clash. */
static void test_symbols(void **state)
{
	static const char *const lists[] = {
		"nm -D --defined-only \"$ROOT/usr/lib/libgnatter.so\"",
		"nm -g --defined-only \"$ROOT/usr/lib/libgnatter.a\" | grep ' [A-Z] '",
	};

	(void)state;
	if (sanitize_on()) /* which brings names of its own */
		return;
	for (size_t k = 0; k < COUNT(lists); k++) {
		char *all = script_ok(lists[k]);

		assert_non_null(strstr(all, " T gnatter_create\n"));
		assert_string_equal(
			script_ok(case_printf("%s | grep -v ' T gnatter_' || :", lists[k])), "");
	}
}

/* Everything that the header declares is there, and nothing that it does not. */
static void test_header(void **state)
{
	char *declared, *defined;

	(void)state;
	declared =
		script_ok("gcc -E -P \"$ROOT/usr/include/gnatter.h\" | tr '\\n' ' ' | "
			  "grep -o '\\bgnatter_[a-z_]*(' | tr -d '(' | grep -v '_fn$' | sort -u");
	defined = script_ok("nm -D --defined-only \"$ROOT/usr/lib/libgnatter.so\" | "
			    "sed -n 's/.* T \\(gnatter_.*\\)/\\1/p' | sort -u");
	assert_string_equal(declared, defined);
	script_ok("for std in c99 c11 c17; do echo '#include <gnatter.h>' | gcc -std=$std -Wall "
		  "-Wextra -Wpedantic -Werror -I\"$ROOT/usr/include\" -fsyntax-only -xc - || exit; "
		  "done");
}

/* --- gnatter -------------------------------------------------------------------------------- */

static void test_programs(void **state)
{
	(void)state;
	assert_string_equal(script_ok("\"$ROOT/usr/bin/gnatter\" --version"),
		script_ok("echo gnatter $(sed -n 's/^Version: //p' "
			  "\"$ROOT/usr/lib/pkgconfig/gnatter.pc\")"));
	assert_string_equal(script_ok("cd \"$ROOT\" && find . -name '*.pc' -o -name '*.service' | "
				      "xargs grep -l '@[A-Z]*@' || :"),
		"");
}

/* The words of lines like "  login    [ADDRESS]     sign in". */
static char *commands(void)
{
	return script_ok("\"$ROOT/usr/bin/gnatter\" --help | "
			 "sed -n 's/^  \\([a-z]*\\) .*/\\1/p'");
}

/* The long options of a command, sorted, each in a line. */
static char *options(const char *command)
{
	return script_ok(case_printf("\"$ROOT/usr/bin/gnatter\" %s --help | "
				     "sed -n 's/^  \\(-., \\)\\?\\(--[a-z-]*\\).*/\\2/p' | sort",
		command));
}

/* The same as the manual page has them under the command's heading. */
static char *options_in_man(const char *command)
{
	return script_ok(
		case_printf("sed -n '/^\\.SS gnatter %s\\>/,/^\\.S[SH] /p' "
			    "\"$ROOT/usr/share/man/man1/gnatter.1\" | "
			    "grep '^.fB' | sed 's/\\\\-/-/g' | grep -o -e '--[a-z-]*' | sort",
			command));
}

static char *options_in_bash(const char *command)
{
	return script_ok(case_printf(
		"sed -n 's/^\\t%s) options=\"\\(.*\\)\" ;;/\\1/p' "
		"\"$ROOT/usr/share/bash-completion/completions/gnatter\" | tr ' ' '\\n' | sort",
		command));
}

/* In the lines from the command's to its ";;"; two options stand for all that have them. */
static char *options_in_zsh(const char *command)
{
	return script_ok(
		case_printf("awk '/^\\t*%s\\) _arguments/ { on = 1 } on { print } /;;/ { on = 0 }' "
			    "\"$ROOT/usr/share/zsh/site-functions/_gnatter\" | "
			    "sed 's/\"$json\"/--json/; s/\"$timeout\"/--timeout/' | grep "
			    "-o -e '--[a-z][a-z-]*' | sort",
			command));
}

static void same(const char *command, const char *where, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		case_fail("of gnatter %s there should be in %s:\n%snot:\n%s", command, where, want,
			got);
}

static void test_agree(void **state)
{
	char *all = commands(), *save = NULL;
	size_t count = 0;

	(void)state;
	same("", "the manual page",
		script_ok("sed -n 's/^.SS gnatter \\([a-z]*\\).*/\\1/p' "
			  "\"$ROOT/usr/share/man/man1/gnatter.1\""),
		all);
	same("", "bash's completion",
		script_ok("sed -n 's/.*local commands=\"\\(.*\\) help\"/\\1/p' "
			  "\"$ROOT/usr/share/bash-completion/completions/gnatter\" | tr ' ' '\\n'"),
		all);
	same("", "zsh's completion",
		script_ok("sed -n \"s/^\\t\\t'\\([a-z]*\\):.*/\\1/p\" "
			  "\"$ROOT/usr/share/zsh/site-functions/_gnatter\""),
		all);
	for (char *c = strtok_r(all, "\n", &save); c; c = strtok_r(NULL, "\n", &save)) {
		const char *want = options(c);

		same(c, "the manual page", options_in_man(c), want);
		same(c, "bash's completion", options_in_bash(c), want);
		same(c, "zsh's completion", options_in_zsh(c), want);
		count++;
	}
	assert_int_equal(count, 8);
}

static void test_manual(void **state)
{
	struct run r = script("LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l "
			      "-Tutf8 -Z \"$ROOT/usr/share/man/man1/gnatter.1\" >/dev/null");

	(void)state;
	assert_int_equal(r.code, 0);
	assert_string_equal(r.err, "");
}

/* Bash completes commands, and the options of the one that stands there. */
static void test_bash(void **state)
{
	static const char try[] =
		"bash -c '. \"$ROOT/usr/share/bash-completion/completions/gnatter\"; "
		"COMP_WORDS=(gnatter %s); COMP_CWORD=%d; _gnatter; echo ${COMPREPLY[*]}'";

	(void)state;
	assert_string_equal(script_ok(case_printf(try, "lo", 1)), "login logout\n");
	assert_string_equal(
		script_ok(case_printf(try, "--account work send --re", 4)), "--reply\n");
	assert_string_equal(script_ok(case_printf(try, "send lobby x", 3)), "\n");
}

static void test_uninstall(void **state)
{
	(void)state;
	script_ok(make_install("uninstall"));
	assert_string_equal(script_ok("cd \"$ROOT\" && find . -type f -o -type l"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_shared),
		SYSTEM(test_static),
		SYSTEM(test_symbols),
		SYSTEM(test_header),
		SYSTEM(test_programs),
		SYSTEM(test_agree),
		SYSTEM(test_manual),
		SYSTEM(test_bash),
		SYSTEM(test_uninstall),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
