/* cli/output.c: see output.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"
#include "common/yaml/yaml.h"

const char *const output_formats[] = {"name", "json", "yaml", "wide", NULL};

static void put_names(struct buf *b, const json_t *list)
{
        json_t *item;
        size_t i;
        json_array_foreach (list, i, item)
                buf_addf(b, "%s\n", obj_name(item));
}

bool output_objects(const char *format, const json_t *list, bool single)
{
        AUTO_BUF struct buf b = BUF_INIT(BUF_UNBOUNDED);
        if (streq(format, "name")) {
                put_names(&b, list);
        } else if (streq(format, "json") || streq(format, "yaml")) {
                json_t *one = single ? json_incref(json_array_get(list, 0))
                                     : json_pack("{s:s, s:s, s:O}", "apiVersion", "v1", "kind",
                                                 "List", "items", list);
                if (streq(format, "yaml"))
                        yaml_put(&b, one);
                else
                        json_put(&b, one, JSON_STYLE_INDENT);
                if (b.len && b.data[b.len - 1] != '\n')
                        buf_addc(&b, '\n');
                json_decref(one);
        } else {
                return false;
        }
        cli_write(&b);
        return true;
}
