"""The document worker: each step of the pipeline is `python3 -m docproc.<step>`.

validate, count, render and extract work on a PDF; aggregate, enrich and store on what was read.
Exit codes: 0 done, 1 the document is at fault, 2 the call or set-up is at fault, 3 a service is away.
"""
