/* preload_keep.c — preloaded into the broker with the sanitizer's runtime: a closed library stays
 * mapped, so that reports made at exit can still name its functions. */
int dlclose(void *handle);

__attribute__((visibility("default"))) int dlclose(void *handle)
{
	(void)handle;
	return 0;
}
