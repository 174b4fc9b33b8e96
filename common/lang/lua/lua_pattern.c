/* common/lang/lua/lua_pattern.c: Lua patterns with gopher-lua's details, as a small machine.
 *
 * A pattern is compiled to instructions; matching keeps its choice points on a stack of its own, so
 * that neither a long text nor a mean pattern ends in C recursion, and every instruction counts as
 * a step. What differs from stock Lua: a repetition behind a group is a plain character, no %f,
 * captures are numbered from 1 in %1 by what is closed so far. SPDX-License-Identifier: Apache-2.0
 */
#include "common/lang/lua/lua_priv.h"

enum { MAX_PATTERN = 10000, MAX_CAPTURES = 64, MAX_STACK = 200000 };
enum op { OP_CHAR, OP_MATCH, OP_TAIL, OP_JUMP, OP_SPLIT, OP_SAVE, OP_POSITION, OP_BRACE, OP_BACK };
enum class_kind { CL_ANY, CL_BYTE, CL_CLASS, CL_SET };

struct inst {
        uint8_t op, class, negated;
        int a, b; /* operands; of a set: its place in `sets` */
};
struct pattern {
        lua_State *L;
        struct str src;
        size_t pos;
        int n, captures; /* captures: next free index */
        int nsets;
        bool head, tail;
        uint32_t (*sets)[8]; /* a bit for each byte */
        struct inst *insts;  /* room for all that the text can need */
};

static int bad(struct pattern *p, const char *words)
{
        return luax_error(p->L, "%s at %zu", words, p->pos);
}

/* ---- classes ---- */

static bool in_class(int class, int c)
{
        bool yes;
        switch (class | 0x20) {
        case 'a': yes = (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; break;
        case 'c': yes = c <= 0x1F || c == 0x7F; break;
        case 'd': yes = c >= '0' && c <= '9'; break;
        case 'l': yes = c >= 'a' && c <= 'z'; break;
        case 'p': yes = c >= 0x21 && c <= 0x7e && !in_class('w', c); break;
        case 's': yes = c == ' ' || (c >= '\t' && c <= '\r'); break;
        case 'u': yes = c >= 'A' && c <= 'Z'; break;
        case 'w': yes = in_class('a', c) || in_class('d', c); break;
        case 'x': yes = in_class('d', c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); break;
        case 'z': yes = c == 0; break;
        default: return c == class;
        }
        if (!((class >= 'a' && class <= 'z') || (class >= 'A' && class <= 'Z')))
                return c == class;
        return class >= 'A' && class <= 'Z' ? !yes : yes;
}

static bool matches(const struct pattern *p, const struct inst *i, int c)
{
        switch (i->class) {
        case CL_ANY: return true;
        case CL_BYTE: return c == i->a;
        case CL_CLASS: return in_class(i->a, c);
        default: return (p->sets[i->a][c / 32] >> (c % 32) & 1) != i->negated;
        }
}

static int peek(const struct pattern *p)
{
        return p->pos < p->src.n ? (unsigned char)p->src.p[p->pos] : -1;
}

static int next(struct pattern *p)
{
        int c = peek(p);
        if (c >= 0)
                p->pos++;
        return c;
}

struct member { /* of a set */
        bool is_class;
        int c;
};

static struct member read_member(struct pattern *p)
{
        int c = next(p);
        if (c < 0)
                bad(p, "unexpected EOS");
        if (c == '%')
                return (struct member){true, next(p)};
        return (struct member){false, c};
}

static void add_member(uint32_t *bits, struct member m)
{
        for (int c = 0; c < 256; c++)
                if (m.is_class ? in_class(m.c, c) : m.c == c)
                        bits[c / 32] |= UINT32_C(1) << (c % 32);
}

/* A range needs plain characters on both sides; with a class it is empty. */
static void add_range(uint32_t *bits, struct member from, struct member to)
{
        for (int c = from.c; !from.is_class && !to.is_class && c <= to.c; c++)
                bits[c / 32] |= UINT32_C(1) << (c % 32);
}

/* Behind the [. A ] or - that comes first stands for itself. */
static struct inst read_set(struct pattern *p)
{
        struct inst set = {.op = OP_CHAR, .class = CL_SET, .a = p->nsets};
        uint32_t *bits = p->sets[p->nsets++];
        memset(bits, 0, 32);
        struct member last = {0};
        bool any = false, pending = false, range = false;
        if (peek(p) == '^') {
                next(p);
                set.negated = true;
        }
        for (;;) {
                int c = peek(p);
                if (c < 0)
                        bad(p, "unexpected EOS");
                if (c == ']' && any)
                        break;
                if (c == '-' && any) {
                        next(p);
                        range = true;
                        continue;
                }
                struct member m = read_member(p);
                if (range && pending) {
                        add_range(bits, last, m);
                        pending = false;
                } else if (range) { /* a-b-c: the second hyphen finds a range in front */
                        range = false;
                        continue;
                } else {
                        if (pending)
                                add_member(bits, last);
                        last = m;
                        pending = true;
                }
                range = false;
                any = true;
        }
        next(p);
        if (pending)
                add_member(bits, last);
        if (range)
                add_member(bits, (struct member){false, '-'});
        return set;
}

static struct inst read_class(struct pattern *p)
{
        int c = next(p);
        if (c == '%')
                return (struct inst){.op = OP_CHAR, .class = CL_CLASS, .a = next(p)};
        if (c == '.')
                return (struct inst){.op = OP_CHAR, .class = CL_ANY};
        if (c == '[')
                return read_set(p);
        return (struct inst){.op = OP_CHAR, .class = CL_BYTE, .a = c};
}

/* ---- compiling ---- */

static void add(struct pattern *p, struct inst i)
{
        p->insts[p->n++] = i;
}

static void add_op(struct pattern *p, enum op op, int a, int b)
{
        add(p, (struct inst){.op = (uint8_t)op, .a = a, .b = b});
}

static int new_capture(struct pattern *p)
{
        if (p->captures / 2 >= MAX_CAPTURES / 2)
                bad(p, "too many captures");
        p->captures += 2;
        return p->captures - 2;
}

/* The repetition of the instruction that was added last. */
static void add_repeat(struct pattern *p, int kind)
{
        int at = p->n - 1;
        struct inst item = p->insts[at];
        p->n--;
        switch (kind) {
        case '*': add_op(p, OP_SPLIT, at + 1, at + 3); break;
        case '-': add_op(p, OP_SPLIT, at + 3, at + 1); break;
        case '?': add_op(p, OP_SPLIT, at + 1, at + 2); break;
        default: break;
        }
        add(p, item);
        if (kind == '*' || kind == '-')
                add_op(p, OP_JUMP, at, -1);
        else if (kind == '+')
                add_op(p, OP_SPLIT, at, at + 2);
}

static void read_sequence(struct pattern *p, int depth);

static void read_group(struct pattern *p, int depth)
{
        next(p);
        int capture = new_capture(p);
        if (peek(p) == ')') {
                next(p);
                add_op(p, OP_POSITION, capture, -1);
                return;
        }
        add_op(p, OP_SAVE, capture, -1);
        read_sequence(p, depth + 1);
        if (peek(p) != ')')
                bad(p, "unfinished capture");
        next(p);
        add_op(p, OP_SAVE, capture + 1, -1);
}

/* True: the last instruction is a single character that a repetition may follow. */
static bool read_percent(struct pattern *p)
{
        int c = p->pos + 1 < p->src.n ? (unsigned char)p->src.p[p->pos + 1] : -1;
        if (c == '0')
                bad(p, "invalid capture index");
        if (c >= '1' && c <= '9') {
                p->pos += 2;
                add_op(p, OP_BACK, c - '0', -1);
                return false;
        }
        if (c == 'b') {
                p->pos += 2;
                int open = next(p);
                add_op(p, OP_BRACE, open, next(p));
                return false;
        }
        add(p, read_class(p));
        return true;
}

static void read_sequence(struct pattern *p, int depth)
{
        bool single = false; /* the last item may be repeated */
        if (depth > 30)
                bad(p, "nested too deep");
        for (int c; (c = peek(p)) >= 0;) {
                if (c == '%') {
                        single = read_percent(p);
                } else if (c == ')') {
                        if (depth == 0)
                                bad(p, "invalid ')'");
                        return;
                } else if (c == '(') {
                        read_group(p, depth);
                        single = false;
                } else if (strchr("*+-?", c) && single) {
                        next(p);
                        add_repeat(p, c);
                        single = false;
                } else if (c == '$' && depth == 0 && p->pos + 1 == p->src.n) {
                        next(p);
                        p->tail = true;
                } else if (c == '.' || c == '[' || c == ']') {
                        add(p, read_class(p));
                        single = true;
                } else {
                        next(p);
                        add(p, (struct inst){.op = OP_CHAR, .class = CL_BYTE, .a = c});
                        single = true;
                }
        }
}

static size_t count_of(struct str s, char c)
{
        size_t n = 0;
        for (size_t i = 0; i < s.n; i++)
                n += s.p[i] == c;
        return n;
}

static struct pattern *compile(lua_State *L, struct str src)
{
        if (src.n > MAX_PATTERN)
                luax_error(L, "a pattern of more than %d bytes", MAX_PATTERN);
        size_t nsets = count_of(src, '['), ninsts = 3 * src.n + 8;
        struct pattern *p = lua_newuserdata(L, sizeof(*p) + nsets * sizeof(*p->sets) +
                                                       ninsts * sizeof(*p->insts));
        *p = (struct pattern){.L = L, .src = src, .captures = 2};
        p->sets = (void *)(p + 1);
        p->insts = (void *)(p->sets + nsets);
        add_op(p, OP_SAVE, 0, -1);
        if (peek(p) == '^') {
                next(p);
                p->head = true;
        }
        read_sequence(p, 0);
        add_op(p, OP_SAVE, 1, -1);
        add_op(p, p->tail ? OP_TAIL : OP_MATCH, -1, -1);
        return p;
}

/* ---- matching ---- */

struct choice { /* capture < 0: go on at pc, sp; else give the capture its old value */
        int pc, capture;
        uint32_t value;
};
struct machine {
        const struct pattern *p;
        struct str text;
        struct choice *stack; /* userdata, at `slot` of the Lua stack */
        int slot, depth, cap;
        struct luax_match m;
};

static void push_choice(struct machine *x, struct choice c)
{
        lua_State *L = x->p->L;
        if (x->depth == MAX_STACK)
                luax_error(L, "pattern/input too complex");
        if (x->depth == x->cap) {
                int cap = x->cap ? 4 * x->cap : 64;
                struct choice *more = lua_newuserdata(L, (size_t)cap * sizeof(*more));
                if (x->cap)
                        memcpy(more, x->stack, (size_t)x->cap * sizeof(*more));
                lua_replace(L, x->slot);
                x->stack = more;
                x->cap = cap;
        }
        x->stack[x->depth++] = c;
}

static void save(struct machine *x, int i, size_t sp)
{
        while (x->m.n <= i)
                x->m.at[x->m.n++] = 0;
        push_choice(x, (struct choice){0, i, x->m.at[i]});
        x->m.at[i] = (uint32_t)(sp << 1);
}

static bool skip_brace(const struct machine *x, const struct inst *i, size_t *sp)
{
        int depth = 1;
        if (*sp >= x->text.n || (unsigned char)x->text.p[*sp] != i->a)
                return false;
        for (++*sp; *sp < x->text.n; ++*sp) {
                int c = (unsigned char)x->text.p[*sp];
                depth -= c == i->b;
                if (depth == 0) {
                        ++*sp;
                        return true;
                }
                depth += c == i->a;
        }
        return false;
}

static bool skip_back(const struct machine *x, const struct inst *i, size_t *sp)
{
        int at = i->a * 2;
        if (at >= x->m.n - 1 || luax_at(&x->m, at) > luax_at(&x->m, at + 1))
                return luax_error(x->p->L, "invalid capture index");
        size_t from = luax_at(&x->m, at), n = luax_at(&x->m, at + 1) - from;
        if (x->text.n - *sp < n || memcmp(x->text.p + from, x->text.p + *sp, n) != 0)
                return false;
        *sp += n;
        return true;
}

/* The newest choice point; false: none is left. */
static bool backtrack(struct machine *x, int *pc, size_t *sp)
{
        while (x->depth > 0) {
                struct choice c = x->stack[--x->depth];
                if (c.capture < 0) {
                        *pc = c.pc;
                        *sp = c.value;
                        return true;
                }
                x->m.at[c.capture] = c.value;
        }
        return false;
}

/* True: it matches at sp, *end is behind the match. */
static bool run(struct machine *x, size_t sp, size_t *end)
{
        const struct pattern *p = x->p;
        size_t steps = 0;
        int pc = 0;
        x->depth = 0;
        x->m.n = 0;
        for (;;) {
                const struct inst *i = &p->insts[pc];
                bool ok = true;
                if (++steps % 64 == 0)
                        luax_charge(p->L, 64);
                switch (i->op) {
                case OP_CHAR:
                        ok = sp < x->text.n && matches(p, i, (unsigned char)x->text.p[sp]);
                        sp++;
                        break;
                case OP_TAIL:
                        ok = sp >= x->text.n;
                        if (!ok)
                                break;
                        *end = sp;
                        return true;
                case OP_MATCH: *end = sp; return true;
                case OP_JUMP: pc = i->a; continue;
                case OP_SPLIT:
                        push_choice(x, (struct choice){i->b, -1, (uint32_t)sp});
                        pc = i->a;
                        continue;
                case OP_SAVE: save(x, i->a, sp); break;
                case OP_POSITION:
                        while (x->m.n <= i->a + 1)
                                x->m.at[x->m.n++] = 0;
                        x->m.at[i->a] = x->m.at[i->a + 1] = (uint32_t)((sp + 1) << 1) | 1;
                        break;
                case OP_BRACE: ok = skip_brace(x, i, &sp); break;
                default: ok = skip_back(x, i, &sp); break;
                }
                if (ok)
                        pc++;
                else if (!backtrack(x, &pc, &sp))
                        return false;
        }
}

struct luax_match *luax_find(lua_State *L, struct str pattern, struct str text, size_t offset,
                             int limit, size_t *count)
{
        luaL_checkstack(L, 8, "too much to match");
        struct pattern *p = compile(L, pattern);
        lua_pushnil(L);
        struct machine x = {.p = p, .text = text, .slot = lua_gettop(L)};
        size_t n = 0, cap = 0;
        struct luax_match *found = NULL;
        lua_pushnil(L);
        for (size_t sp = offset; sp <= text.n;) {
                size_t end;
                bool ok = run(&x, sp, &end);
                luax_charge(L, 1);
                sp++;
                if (ok) {
                        sp = sp < end ? end : sp;
                        if (n == cap) {
                                cap = cap ? 4 * cap : 1;
                                struct luax_match *more = lua_newuserdata(L, cap * sizeof(*more));
                                if (n)
                                        memcpy(more, found, n * sizeof(*found));
                                lua_replace(L, -2);
                                found = more;
                        }
                        found[n++] = x.m;
                }
                if ((limit >= 0 && n == (size_t)limit) || p->head)
                        break;
        }
        lua_replace(L, -3); /* the matches stay, the machine goes */
        lua_pop(L, 1);
        *count = n;
        return found;
}
