/* As math.h here. */
#include <x86intrin.h>
#include <immintrin.h>
void __cpuidex(int registers[4], int leaf, int subleaf);
