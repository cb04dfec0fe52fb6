/* certs.h — an authority of the tests' own and a certificate from it, made by openssl(1).
 *
 * Made once for a test program, when first asked for, and gone when the program ends. The keys are
 * worth nothing. Main thread only.
 */
#ifndef GNATTER_TESTS_CERTS_H
#define GNATTER_TESTS_CERTS_H

/* Paths of PEM files. */
struct certs {
	const char *ca;         /* whom to trust */
	const char *other_ca;   /* an authority that has signed nothing of this */
	const char *cert, *key; /* for localhost, 127.0.0.1 and ::1 */
};

const struct certs *certs(void);

#endif
