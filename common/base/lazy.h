/* common/base/lazy.h: shared libraries that are loaded when they are first needed.
 *
 * libcurl and librdkafka bring some thirty other libraries along: 5 MB of memory and 15 ms of every
 * start, for programs that mostly make no HTTP call and know no Kafka. A header lists the functions
 * that are used (curl_lazy.h, kafka_lazy.h), makes a table of pointers of their exact types and
 * lets their names mean the entries of the table. Threads: lazy_load on one thread, before others
 * use the table. SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "common/base/attr.h"
#include "common/base/err.h"

/* Fills table[0..n) with the addresses of names[0..n). UNSUPPORTED, with the loader's words, when
 * the library or a function is missing. A second call does nothing (table[0] is set). */
int lazy_load(const char *soname, const char *const *names, void **table, size_t n,
              struct err *e) MUST_CHECK;
