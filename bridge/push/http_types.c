/* http_types.c — three buffers that live and die together. */
#include "http_types.h"

void http_request_reset(struct http_request *r)
{
	buf_reset(&r->url);
	buf_reset(&r->headers);
	buf_reset(&r->body);
	r->http2 = false;
	r->stranger = false;
}

void http_request_free(struct http_request *r)
{
	buf_free(&r->url);
	buf_free(&r->headers);
	buf_free(&r->body);
	*r = (struct http_request){0};
}
