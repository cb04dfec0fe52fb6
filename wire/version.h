/* version.h — of the server: plugin, daemon, gnatterctl. The SDK's, in gnatter.h, is the same.
 */
#ifndef GNATTER_WIRE_VERSION_H
#define GNATTER_WIRE_VERSION_H

#define SERVER_VERSION "0.5.0"

#endif
