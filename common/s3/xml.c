/* common/s3/xml.c: see xml.h. SPDX-License-Identifier: Apache-2.0 */
#include "common/s3/xml.h"
#include "common/base/buf.h"
#include "common/base/mem.h"
#include <expat.h>
#include <limits.h>
#include <string.h>

struct reader {
        XML_Parser parser;
        struct buf path, text;
        unsigned depth;
        const char *refused;
        xml_element_fn *each;
        void *arg;
};

static void refuse(struct reader *r, const char *why)
{
        r->refused = why;
        XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **atts UNUSED)
{
        struct reader *r = arg;
        buf_reset(&r->text);
        if (r->depth++ == XML_DEPTH_MAX)
                refuse(r, "nested too deeply");
        else if (r->depth > 1)
                buf_addf(&r->path, "%s%s", r->path.len ? "/" : "", name);
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int n)
{
        struct reader *r = arg;
        buf_add(&r->text, text, (size_t)n);
        if (r->text.overflow)
                refuse(r, "an element is too long");
}

static void XMLCALL on_end(void *arg, const XML_Char *name UNUSED)
{
        struct reader *r = arg;
        r->each(r->arg, buf_str(&r->path), buf_str(&r->text));
        buf_reset(&r->text);
        const char *slash = r->path.data ? strrchr(r->path.data, '/') : NULL;
        buf_truncate(&r->path, slash ? (size_t)(slash - r->path.data) : 0);
        r->depth--;
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name UNUSED, const XML_Char *sys UNUSED,
                               const XML_Char *pub UNUSED, int internal UNUSED)
{
        refuse(arg, "a document type is not allowed");
}

int xml_each(const char *data, size_t n, xml_element_fn *each, void *arg, struct err *e)
{
        AUTO_BUF struct buf path = BUF_INIT(4096), text = BUF_INIT(XML_TEXT_MAX);
        struct reader r = {.path = path, .text = text, .each = each, .arg = arg};
        r.parser = XML_ParserCreate(NULL);
        XML_SetUserData(r.parser, &r);
        XML_SetElementHandler(r.parser, on_start, on_end);
        XML_SetCharacterDataHandler(r.parser, on_text);
        XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
        int rc = 0;
        if (n > INT_MAX || XML_Parse(r.parser, data, (int)n, 1) != XML_STATUS_OK)
                rc = err_set(e, ERR_PROTOCOL, "the answer is no XML that can be read: %s",
                             r.refused ? r.refused : XML_ErrorString(XML_GetErrorCode(r.parser)));
        XML_ParserFree(r.parser);
        path = r.path;
        text = r.text;
        return rc;
}
