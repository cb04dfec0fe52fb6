/* certs.c — see certs.h. */
#include "tests/support/certs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/proc.h"

static char folder[64];
static char paths[6][96];
static struct certs made;

static const char *const names[] = {
	"ca.pem", "ca.key", "other.pem", "other.key", "server.pem", "server.key"};

/* At exit, not deferred: what is deferred while a test runs ends with that test. */
static void remove_all(void)
{
	for (size_t i = 0; i < COUNT(names); i++)
		unlink(paths[i]);
	rmdir(folder);
}

static void openssl(const char *const argv[])
{
	struct run r = run(argv);

	if (r.code != 0)
		case_fail("openssl ends with %d: %s%s", r.code, r.out, r.err);
}

#define NEW_KEY "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"

static void make_authority(const char *cert, const char *key, const char *subject)
{
	openssl((const char *const[]){"openssl", "req", "-x509", NEW_KEY, key, "-out", cert,
		"-days", "2", "-subj", subject, "-addext", "keyUsage=critical,keyCertSign", NULL});
}

static void make_certificate(const char *cert, const char *key)
{
	openssl((const char *const[]){"openssl", "req", "-x509", NEW_KEY, key, "-out", cert,
		"-days", "2", "-subj", "/CN=localhost", "-CA", paths[0], "-CAkey", paths[1],
		"-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1", "-addext",
		"basicConstraints=critical,CA:FALSE", NULL});
}

const struct certs *certs(void)
{
	if (made.ca)
		return &made;
	snprintf(folder, sizeof(folder), "/tmp/gn-certs-XXXXXX");
	if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
		case_fail("cannot make %s: %s", folder, strerror(errno));
	for (size_t i = 0; i < COUNT(names); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
	atexit(remove_all);
	make_authority(paths[0], paths[1], "/CN=tests of Gnatter");
	make_authority(paths[2], paths[3], "/CN=nobody");
	make_certificate(paths[4], paths[5]);
	made = (struct certs){
		.ca = paths[0], .other_ca = paths[2], .cert = paths[4], .key = paths[5]};
	return &made;
}
