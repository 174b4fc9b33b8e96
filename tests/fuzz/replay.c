/* tests/fuzz/replay.c: runs a fuzz target over the files of a folder, so that the corpus is part of
 * every test run. Each input is copied to memory of its own size: a read behind its end is seen by
 * the address sanitizer. SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

static uint8_t *read_file(const char *path, size_t *n)
{
        FILE *f = fopen(path, "rb");
        if (!f)
                return NULL;
        uint8_t *data = NULL;
        char *text = NULL;
        FILE *memory = open_memstream(&text, n);
        for (int c; (c = fgetc(f)) != EOF;)
                fputc(c, memory);
        fclose(memory);
        fclose(f);
        data = malloc(*n ? *n : 1);
        memcpy(data, text, *n);
        free(text);
        return data;
}

static int replay(const char *path)
{
        size_t n;
        uint8_t *data = read_file(path, &n);
        if (!data) {
                perror(path);
                return 1;
        }
        fprintf(stderr, "%s (%zu bytes)\n", path, n);
        LLVMFuzzerTestOneInput(data, n);
        free(data);
        return 0;
}

int main(int argc, char **argv)
{
        int failed = 0, ran = 0;
        for (int i = 1; i < argc; i++) {
                struct dirent **entries;
                int n = scandir(argv[i], &entries, NULL, alphasort);
                if (n < 0) {
                        failed |= replay(argv[i]); /* a file */
                        ran++;
                        continue;
                }
                for (int k = 0; k < n; k++) {
                        char path[4096];
                        snprintf(path, sizeof(path), "%s/%s", argv[i], entries[k]->d_name);
                        if (entries[k]->d_name[0] != '.') {
                                failed |= replay(path);
                                ran++;
                        }
                        free(entries[k]);
                }
                free(entries);
        }
        if (!ran)
                fprintf(stderr, "nothing to replay\n");
        return failed || !ran;
}
