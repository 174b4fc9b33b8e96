/* eventsource/source_refs.c: the secretKeyRefs and configMapKeyRefs of a source's configuration:
 * found by walking its field table, asked from the store (then the mounts, base/secret.h), kept
 * while the driver runs. New values replace old ones only while the driver is stopped, so that what
 * source_secret() gave out never dangles. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/mem.h"
#include "common/base/secret.h"
#include "common/store/store.h"
#include "eventsource/source_priv.h"
#include <stdlib.h>

struct source_ask { /* one question to the store; outlives its source when that goes first */
        struct source_ask *next;
        struct source *s;
        size_t i;
};

/* ---- which references there are ---- */

static void add_ref(struct source *s, const struct field *f, const struct key_ref *ref)
{
        if (!ref || str_empty(ref->name))
                return;
        s->refs = mem_realloc(s->refs, s->n_refs + 1, sizeof(*s->refs));
        s->refs[s->n_refs++] =
                (struct resolved){.ref = ref, .is_config = str_ends(f->name, "ConfigMap")};
}

static void find_refs(struct source *s, const struct field *table, const void *config);

static void find_in_field(struct source *s, const struct field *f, const char *at)
{
        const void *one = f->kind == FIELD_OBJ_PTR ? *(void *const *)(const void *)at : at;
        const struct field_list *list = (const void *)at;
        switch (f->kind) {
        case FIELD_OBJ:
        case FIELD_OBJ_PTR:
                if (!one)
                        return;
                if (f->sub == key_ref_fields)
                        add_ref(s, f, one);
                else
                        find_refs(s, f->sub, one);
                return;
        case FIELD_LIST:
        case FIELD_NAMED:
                for (size_t i = 0; i < list->n; i++)
                        find_refs(s, f->sub, (const char *)list->items + i * f->sub_size);
                return;
        default: return;
        }
}

static void find_refs(struct source *s, const struct field *table, const void *config)
{
        for (const struct field *f = table; f->name; f++)
                find_in_field(s, f, (const char *)config + f->offset);
}

/* ---- values ---- */

static void drop_values(struct resolved *refs, size_t n)
{
        for (size_t i = 0; refs && i < n; i++) {
                secret_free(refs[i].secret);
                free(refs[i].value);
                err_clear(&refs[i].why);
        }
        free(refs);
}

static bool same_secret(const struct secret *a, const struct secret *b)
{
        return a == b || (a && b && secret_matches(a, secret_reveal(b), secret_len(b)));
}

/* A store that cannot be asked just now does not take away what we know. */
static void keep_known(struct resolved *fresh, struct resolved *old)
{
        if (fresh->why.code == ERR_NONE || fresh->why.code == ERR_NOT_FOUND ||
            (!old->secret && !old->value))
                return;
        fresh->secret = TAKE(old->secret);
        fresh->value = TAKE(old->value);
        err_clear(&fresh->why);
}

static bool differs(const struct resolved *a, const struct resolved *b)
{
        return !same_secret(a->secret, b->secret) || !streq(a->value, b->value);
}

static void all_answered(struct source *s)
{
        bool changed = false;
        for (size_t i = 0; i < s->n_refs; i++)
                changed |= differs(&s->refs[i], &s->fresh[i]) && s->fresh[i].why.code == ERR_NONE;
        for (size_t i = 0; i < s->n_refs; i++) /* it was there and is gone: also a change */
                changed |= (s->refs[i].secret || s->refs[i].value) &&
                           s->fresh[i].why.code == ERR_NOT_FOUND;
        if (changed || !s->only_when_changed) {
                source_halt(s);
                for (size_t i = 0; i < s->n_refs; i++)
                        keep_known(&s->fresh[i], &s->refs[i]);
                drop_values(s->refs, s->n_refs);
                s->refs = TAKE(s->fresh);
                s->on_refs(s);
        } else {
                drop_values(TAKE(s->fresh), s->n_refs);
        }
}

/* ---- asking ---- */

static struct source *end_ask(struct source_ask *ask)
{
        struct source *s = ask->s;
        for (struct source_ask **at = s ? &s->asks : NULL; at && *at; at = &(*at)->next)
                if (*at == ask) {
                        *at = ask->next;
                        break;
                }
        return s;
}

static void answered(struct source_ask *ask, struct secret *secret, const char *value,
                     const struct err *e)
{
        struct source *s = end_ask(ask);
        if (s) {
                struct resolved *r = &s->fresh[ask->i];
                r->secret = secret;
                r->value = mem_strdup(value);
                if (e)
                        err_copy(&r->why, e);
        } else {
                secret_free(secret);
        }
        free(ask);
        if (s && --s->n_asked == 0)
                all_answered(s);
}

static void on_secret(void *arg, struct secret *value_taken, const struct err *e)
{
        answered(arg, value_taken, NULL, e);
}

static void on_config(void *arg, const char *value, const struct err *e)
{
        answered(arg, NULL, value, e);
}

static void ask_mounts(struct source_ask *ask, const struct resolved *r)
{
        ERR_SLOT(e);
        struct secret *secret = NULL;
        AUTO(mem_free) char *value = NULL;
        int failed = r->is_config ? config_from_mounts(&value, r->ref->name, r->ref->key, &e)
                                  : secret_from_mounts(&secret, r->ref->name, r->ref->key, &e);
        answered(ask, secret, value, failed < 0 ? &e : NULL);
        err_clear(&e);
}

static void ask_all(struct source *s)
{
        s->fresh = mem_calloc(s->n_refs ? s->n_refs : 1, sizeof(*s->fresh));
        s->n_asked = s->n_refs + 1; /* so that answers from inside the loop do not end it early */
        struct store *store = s->es->opt.store;
        for (size_t i = 0; i < s->n_refs; i++) {
                const struct resolved *r = &s->refs[i];
                s->fresh[i] = (struct resolved){.ref = r->ref, .is_config = r->is_config};
                struct source_ask *ask = NEW(struct source_ask);
                *ask = (struct source_ask){.s = s, .i = i, .next = s->asks};
                s->asks = ask;
                if (!store)
                        ask_mounts(ask, r);
                else if (r->is_config)
                        store_config(store, s->ns, r->ref->name, r->ref->key, on_config, ask);
                else
                        store_secret(store, s->ns, r->ref->name, r->ref->key, on_secret, ask);
        }
        if (--s->n_asked == 0)
                all_answered(s);
}

void source_resolve(struct source *s, void (*done)(struct source *s))
{
        if (!s->refs && s->n_refs == 0)
                find_refs(s, s->driver->fields, s->config);
        s->on_refs = done;
        s->only_when_changed = false;
        if (s->n_asked == 0)
                ask_all(s);
}

void source_refresh(struct source *s, void (*changed)(struct source *s))
{
        if (s->n_refs == 0 || s->n_asked > 0)
                return;
        s->on_refs = changed;
        s->only_when_changed = true;
        ask_all(s);
}

void source_refs_free(struct source *s)
{
        for (struct source_ask *ask = s->asks; ask; ask = ask->next)
                ask->s = NULL;
        s->asks = NULL;
        s->n_asked = 0;
        drop_values(TAKE(s->refs), s->n_refs);
        drop_values(TAKE(s->fresh), s->n_refs);
        s->n_refs = 0;
}

/* ---- what drivers and the state machine ask ---- */

int source_refs_missing(const struct source *s, struct err *e)
{
        for (size_t i = 0; i < s->n_refs; i++) {
                const struct resolved *r = &s->refs[i];
                bool absent = r->why.code == ERR_NONE || r->why.code == ERR_NOT_FOUND;
                if (r->secret || r->value || (r->ref->optional && absent))
                        continue;
                if (r->why.code != ERR_NONE)
                        return err_set(e, ERR_UNAVAILABLE, "%s", err_msg(&r->why));
                return err_set(e, ERR_UNAVAILABLE, "%s %s, key %s: not found",
                               r->is_config ? "ConfigMap" : "Secret", r->ref->name,
                               r->ref->key ? r->ref->key : "");
        }
        return 0;
}

const struct secret *source_secret(struct source *s, const struct key_ref *ref)
{
        for (size_t i = 0; ref && i < s->n_refs; i++)
                if (s->refs[i].ref == ref)
                        return s->refs[i].secret;
        return NULL;
}

const char *source_config_value(struct source *s, const struct key_ref *ref)
{
        for (size_t i = 0; ref && i < s->n_refs; i++)
                if (s->refs[i].ref == ref)
                        return s->refs[i].value;
        return NULL;
}
