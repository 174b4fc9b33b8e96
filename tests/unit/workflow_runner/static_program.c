/* tests/unit/workflow_runner/static_program.c: needs nothing of its root. SPDX-License-Identifier:
 * Apache-2.0 */
int main(void)
{
        return 2;
}
