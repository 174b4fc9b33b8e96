/* workflow/image/reference.c: image names as Docker reads them: [host[:port]/]path[:tag][@digest].
 * The first part is a host if it has a dot or a colon or is "localhost"; docker.io and its library/
 * are understood, as is the tag latest. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/str.h"
#include "workflow/image/image.h"
#include <string.h>

#define LOWER_DIGIT "abcdefghijklmnopqrstuvwxyz0123456789"
#define TAG "ABCDEFGHIJKLMNOPQRSTUVWXYZ_" LOWER_DIGIT ".-"
enum { TAG_MAX = 128, NAME_LEN_MAX = 255 };

static int bad(struct err *e, const char *name, const char *why)
{
        return err_set(e, ERR_INVALID, "image name \"%s\": %s", name, why);
}

static bool is_host(const char *part, size_t n)
{
        return memchr(part, '.', n) || memchr(part, ':', n) ||
               (n == 9 && strncmp(part, "localhost", n) == 0);
}

static bool path_valid(const char *path)
{
        for (;;) {
                size_t n = strspn(path, LOWER_DIGIT "._-");
                if (!n || strchr("._-", path[0]) || strchr("._-", path[n - 1]))
                        return false;
                if (!path[n])
                        return true;
                if (path[n] != '/')
                        return false;
                path += n + 1;
        }
}

static bool digest_valid(const char *digest)
{
        return str_starts(digest, "sha256:") && strlen(digest) == 7 + 64 &&
               strspn(digest + 7, "0123456789abcdef") == 64;
}

static int check(const char *given, const char *path, const char *tag, const char *digest,
                 struct err *e)
{
        if (strlen(path) > NAME_LEN_MAX || !path_valid(path))
                return bad(e, given, "small letters and digits, separated by . _ - and /");
        if (tag &&
            (!*tag || strlen(tag) > TAG_MAX || tag[strspn(tag, TAG)] || strchr(".-", tag[0])))
                return bad(e, given, "a tag has letters, digits, . _ - (128 at most)");
        if (digest && !digest_valid(digest))
                return bad(e, given, "a digest is sha256: and 64 hexadecimal digits");
        return 0;
}

char *reference_normal(const char *name, struct err *e)
{
        AUTO(mem_free) char *text = mem_strdup(name ? name : "");
        char *digest = strchr(text, '@'), *path = text, *slash;
        if (digest)
                *digest++ = '\0';
        slash = strchr(text, '/');
        const char *host = "docker.io";
        if (slash && is_host(text, (size_t)(slash - text))) {
                *slash = '\0';
                host = text;
                path = slash + 1;
        }
        char *tag = strrchr(path, ':');
        if (tag)
                *tag++ = '\0';
        if (check(name ? name : "", path, tag, digest, e) < 0)
                return NULL;
        bool docker = streq(host, "docker.io") || streq(host, "index.docker.io");
        return mem_printf("%s/%s%s%s%s%s%s", docker ? "docker.io" : host,
                          docker && !strchr(path, '/') ? "library/" : "", path,
                          tag || !digest ? ":" : "",
                          tag       ? tag
                          : !digest ? "latest"
                                    : "",
                          digest ? "@" : "", digest ? digest : "");
}
