/* Enough of a C library to read convpool's headers for a system whose own headers are not here. */
#define INFINITY ((float)(1e300 * 1e300))
#define NAN (0.0f * INFINITY)
double log(double), log1p(double), exp(double), fma(double, double, double);
float logf(float), log1pf(float), expf(float), fmaf(float, float, float);
