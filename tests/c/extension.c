/* extension.c - a module for Python that uses the headers: averages(planes, size), the means of
 * windows of `size` by `size` at that stride, of a contiguous array of float64, three axes. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "convpool/convpool.h"

static void average(const Py_buffer *in, int64_t size, double *out)
{
    const convpool_kernels *k = convpool_find_kernels(CONVPOOL_F64, CONVPOOL_BASELINE);
    const int64_t planes = in->shape[0], rows = in->shape[1], columns = in->shape[2];
    const int64_t high = rows / size, wide = columns / size;
    const int64_t x_stride[] = {0, rows * columns, 0, columns, 1};
    const int64_t out_stride[] = {0, high * wide, 0, wide, 1};
    const convpool_axis flat = {1, 1, 1, 1, 0, 0, 1};
    const convpool_axis row = {rows, size, size, 1, 0, 0, high};
    const convpool_axis column = {columns, size, size, 1, 0, 0, wide};
    convpool_pool pool;
    convpool_pool_block most, block;
    memset(&pool, 0, sizeof pool);
    pool.batch = 1;
    pool.channels = planes;
    pool.average = 1;
    pool.axis[CONVPOOL_DEPTH] = flat;
    pool.axis[CONVPOOL_ROW] = row;
    pool.axis[CONVPOOL_COLUMN] = column;
    memcpy(pool.x_stride, x_stride, sizeof x_stride);
    memcpy(pool.out_stride, out_stride, sizeof out_stride);
    most = block = convpool_pool_cut(&pool, 0);
    for (block.channel = 0; block.channel < planes; block.channel += most.channels) {
        block.channels = planes - block.channel < most.channels ? planes - block.channel
                                                                : most.channels;
        for (block.row = 0; block.row < high; block.row += most.rows) {
            block.rows = high - block.row < most.rows ? high - block.row : most.rows;
            k->pool_block(&pool, 0, &block, in->buf, out, NULL);
        }
    }
}

static PyObject *averages(PyObject *module, PyObject *args)
{
    Py_buffer in;
    PyObject *source, *result = NULL;
    Py_ssize_t size;
    (void)module;
    if (!PyArg_ParseTuple(args, "On", &source, &size) ||
        PyObject_GetBuffer(source, &in, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) {
        return NULL;
    }
    if (in.ndim != 3 || strcmp(in.format, "d") != 0 || size < 1 || size > in.shape[1] ||
        size > in.shape[2] || in.shape[0] < 1) {
        PyErr_SetString(PyExc_ValueError, "expected planes of float64 and a size that fits them");
    } else {
        const Py_ssize_t outputs = in.shape[0] * (in.shape[1] / size) * (in.shape[2] / size);
        result = PyByteArray_FromStringAndSize(NULL, outputs * (Py_ssize_t)sizeof(double));
        if (result != NULL) {
            average(&in, size, (double *)(void *)PyByteArray_AS_STRING(result));
        }
    }
    PyBuffer_Release(&in);
    return result;
}

static PyMethodDef methods[] = {{"averages", averages, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "extension", NULL, -1, methods,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_extension(void);

PyMODINIT_FUNC PyInit_extension(void)
{
    return PyModule_Create(&definition);
}
