/* workflow/effect/sidecar_pod.c: the pod of a plugin: its container alone, as Argo's agent would
 * run it, and its token at /var/run/argo/token. The token is made of a key of the data folder, so
 * that it is the same when a running plugin is found again. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/fs.h"
#include "common/base/hash.h"
#include "common/base/rand.h"
#include "workflow/effect/sidecar_priv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AGENT_USER = 8737, KEY_BYTES = 32, KEY_MODE = 0600, TOKEN_MODE = 0444 };
#define TOKEN_PATH "/var/run/argo/token"

/* Node ids have no "_". */
char *sidecar_node_id(size_t index, unsigned attempt)
{
        return mem_printf("plugin_%zu_%u", index, attempt);
}

bool sidecar_node_of(const char *node_id, size_t *index, unsigned *attempt)
{
        int end = 0;
        return sscanf(node_id, "plugin_%zu_%u%n", index, attempt, &end) == 2 && !node_id[end];
}

bool sidecar_port_taken(uint16_t port)
{
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
        if (fd < 0)
                return false;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        bool taken =
                bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 && errno == EADDRINUSE;
        close(fd);
        return taken;
}

/* ---- the token ---- */

static int read_key(const struct sidecars *all, unsigned char key[KEY_BYTES], struct err *e)
{
        AUTO(mem_free) char *path = mem_printf("%s/plugin.key", all->data_dir);
        AUTO_BUF struct buf text = BUF_INIT(KEY_BYTES);
        if (!fs_exists(path)) {
                rand_bytes(key, KEY_BYTES);
                return fs_write_atomic(path, key, KEY_BYTES, KEY_MODE, e);
        }
        if (fs_read(&text, path, KEY_BYTES, e) < 0)
                return -1;
        if (text.len != KEY_BYTES)
                return err_set(e, ERR_INVALID, "%s: not a key of %d bytes: remove it", path,
                               KEY_BYTES);
        memcpy(key, text.data, KEY_BYTES);
        return 0;
}

static int make_token(struct sidecar *s, struct err *e)
{
        unsigned char key[KEY_BYTES], sum[32];
        char text[65];
        struct sha256 h;
        if (read_key(s->all, key, e) < 0)
                return -1;
        sha256_init(&h);
        sha256_add(&h, key, sizeof(key));
        sha256_adds(&h, s->key);
        sha256_end(&h, sum);
        hex_put(text, sum, sizeof(sum));
        s->token = secret_new(text, strlen(text));
        explicit_bzero(key, sizeof(key));
        explicit_bzero(text, sizeof(text));
        return 0;
}

/* ---- the template ---- */

static const json_t *plugin_of(const struct sidecar_of *of, size_t index)
{
        return json_array_get(json_object_get(of->spec, "executorPlugins"), index);
}

/* The workflow's podMetadata, and what the plugin itself says. */
static json_t *metadata_of(const struct sidecar_of *of, const json_t *plugin)
{
        json_t *out = json_object();
        static const char *const maps[] = {"labels", "annotations"};
        for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
                json_t *map = json_object(), *pods = json_at(of->spec, "podMetadata", maps[i]),
                       *own = json_at(plugin, "metadata", maps[i]);
                json_object_update(map, pods);
                json_object_update(map, own);
                json_object_set_new(out, maps[i], map);
        }
        return out;
}

static json_t *token_input(const struct sidecar *s)
{
        return json_pack("{s:[{s:s, s:s, s:i, s:{s:s}}]}", "artifacts", "name", "token", "path",
                         TOKEN_PATH, "mode", TOKEN_MODE, "raw", "data", secret_reveal(s->token));
}

static json_t *template_of(const struct sidecar *s, const struct sidecar_of *of,
                           const json_t *plugin)
{
        json_t *t = json_pack("{s:s, s:O, s:o, s:{s:b, s:i}}", "name", s->name, "container",
                              json_at(plugin, "spec", "sidecar", "container"), "metadata",
                              metadata_of(of, plugin), "securityContext", "runAsNonRoot", 1,
                              "runAsUser", AGENT_USER);
        static const char *const shared[] = {"hostNetwork", "hostAliases"};
        for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
                json_t *v = json_object_get(of->spec, shared[i]);
                if (v)
                        json_object_set(t, shared[i], v);
        }
        if (runner_sandboxes(s->all->runner)) /* else it would be a file of this machine */
                json_object_set_new(t, "inputs", token_input(s));
        return t;
}

int sidecar_describe(struct sidecar *s, const struct sidecar_of *of, struct err *e)
{
        const json_t *plugin = plugin_of(of, s->index),
                     *ports = json_at(plugin, "spec", "sidecar", "container", "ports");
        const char *name = json_str(plugin, "metadata", "name");
        json_int_t port =
                json_integer_value(json_object_get(json_array_get(ports, 0), "containerPort"));
        if (port < 1 || port > UINT16_MAX)
                return err_set(e, ERR_INVALID,
                               "executorPlugins[%zu]: spec.sidecar.container.ports[0]."
                               "containerPort: a port is expected",
                               s->index);
        s->port = (uint16_t)port;
        mem_free(s->name);
        s->name = mem_strdup(name ? name : "");
        if (!s->token && make_token(s, e) < 0)
                return err_wrap(e, "plugin %s: its token", s->name);
        json_decref(s->template);
        s->template = template_of(s, of, plugin);
        s->own_network = runner_own_network(s->all->runner, s->template);
        return 0;
}
