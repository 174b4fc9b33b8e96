/* common/lang/gjson/gjson_query.c: see gjson_priv.h: does one value pass the test of a #(...)?
 * Strings compare as bytes, numbers as doubles (a word that is no number counts as 0), booleans by
 * what they are; ~true, ~false, ~null and ~* first turn the value into a boolean.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/lang/gjson/gjson_priv.h"
#include "common/lang/gonum.h"

/* 1 true-like, 0 false-like, -1 neither. */
static int truth_of(const struct gjson *v)
{
        bool b;
        switch (v->type) {
        case GJSON_TRUE: return 1;
        case GJSON_FALSE:
        case GJSON_NULL: return 0;
        case GJSON_NUMBER: return v->num != 0;
        case GJSON_STRING: return gj_truth(v->str, &b) ? b : -1;
        default: return -1;
        }
}

/* "~word": the value becomes what the word asks, compared with true. Missing values count. */
static bool apply_tilde(struct str word, struct gjson *value)
{
        bool is;
        if (str_eq(word, "*"))
                is = gj_exists(value);
        else if (str_eq(word, "null"))
                is = value->type == GJSON_NULL;
        else if (str_eq(word, "true"))
                is = truth_of(value) == 1;
        else if (str_eq(word, "false"))
                is = truth_of(value) == 0;
        else
                return false;
        *value = (struct gjson){.type = is ? GJSON_TRUE : GJSON_FALSE};
        return true;
}

static bool by_order(struct str op, int order)
{
        switch (op.p[0]) {
        case '=': return order == 0;
        case '<': return order < 0 || (op.n == 2 && order == 0);
        case '>': return order > 0 || (op.n == 2 && order == 0);
        case '!': return op.n == 2 && op.p[1] == '=' && order != 0;
        default: return false;
        }
}

static bool number_matches(struct str op, double have, struct str word)
{
        double want;
        gonum_float(word, &want);
        if (have != have || want != want)
                return str_eq(op, "!=");
        if (op.p[0] == '%' || str_eq(op, "!%"))
                return false;
        return by_order(op, have < want ? -1 : have > want);
}

/* Order of booleans: false < true; a word that is neither compares as unequal only. */
static bool boolean_matches(struct str op, bool have, struct str word)
{
        bool want = str_eq(word, "true"), known = want || str_eq(word, "false");
        if (str_eq(op, ">=") || str_eq(op, "<="))
                return have == (op.p[0] == '>');
        if (str_eq(op, ">"))
                return have && known && !want;
        if (str_eq(op, "<"))
                return !have && want;
        bool equal = known && want == have;
        return str_eq(op, "=") ? equal : str_eq(op, "!=") && !equal;
}

bool gj_query_matches(struct gj *g, const struct gj_query *q, struct gjson value)
{
        struct str word = q->value;
        if (word.n && word.p[0] == '~') {
                bool known = apply_tilde(gj_from(word, 1), &value);
                if (!known)
                        return false;
                word = STR("true");
        }
        if (!gj_exists(&value))
                return false;
        if (q->op.n == 0)
                return true;
        switch (value.type) {
        case GJSON_STRING:
                if (str_eq(q->op, "%"))
                        return gj_wildcard(g, value.str, word);
                if (str_eq(q->op, "!%"))
                        return !gj_wildcard(g, value.str, word);
                return by_order(q->op, gj_compare(value.str, word));
        case GJSON_NUMBER: return number_matches(q->op, value.num, word);
        case GJSON_TRUE:
        case GJSON_FALSE: return boolean_matches(q->op, value.type == GJSON_TRUE, word);
        default: return false;
        }
}
