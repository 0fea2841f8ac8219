/* answer_known of known_lines.py, which says what it does, in C.

   It is compiled against the stable interface of CPython 3.11, so one file serves all versions from
   there on. It holds the interpreter's lock throughout, for its sockets never block; and it calls
   nothing that could call it again while its buffers are in use. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

/* As known_lines.py has them, which looks whether they are the same. */
enum { INTERFACE = 1, READ_BYTES = 16 * 1024, ANSWERED_BYTES_MAX = 64 * 1024 };
enum { READABLE = 1 }; /* EPOLLIN, and nothing else */

static char in[READ_BYTES], out[ANSWERED_BYTES_MAX];
static PyObject *s_at_rest, *s_receiver, *s_last_line_at, *s_unsent;

enum outcome { FAILED, ANSWERED, HEARD, NOTHING, LEFT };

/* Puts the answers to all lines of `in` into `out`.

   Gives their bytes, 0 if not all are known or they are too many, -1 with an exception set. */
static Py_ssize_t answers_to(size_t size, PyObject *known, long *lines) {
    Py_ssize_t filled = 0;
    const char *end = in + size;
    *lines = 0;
    for (const char *at = in; at < end; ++*lines) {
        const char *newline = memchr(at, '\n', end - at);
        if (!newline) return 0;
        PyObject *line = PyBytes_FromStringAndSize(at, newline + 1 - at);
        if (!line) return -1;
        PyObject *answer = PyDict_GetItemWithError(known, line); /* borrowed */
        Py_DECREF(line);
        if (!answer) return PyErr_Occurred() ? -1 : 0;
        char *text;
        Py_ssize_t length;
        if (PyBytes_AsStringAndSize(answer, &text, &length)) return -1;
        if (length > ANSWERED_BYTES_MAX - filled) return 0;
        memcpy(out + filled, text, length);
        filled += length;
        at = newline + 1;
    }
    return filled;
}

/* 1 if the connection's receiver is at rest and nothing waits to be written, 0 if not, -1 if that
   cannot be told. */
static int is_simple(PyObject *connection, PyObject *receiver) {
    PyObject *at_rest = PyObject_GetAttr(receiver, s_at_rest);
    if (!at_rest) return -1;
    int simple = PyObject_IsTrue(at_rest);
    Py_DECREF(at_rest);
    if (simple <= 0) return simple;
    PyObject *unsent = PyObject_GetAttr(connection, s_unsent);
    if (!unsent) return -1;
    simple = PyObject_Not(unsent);
    Py_DECREF(unsent);
    return simple;
}

/* Reads from a socket that is ready, and answers; `*heard` is what was read if it is not known. */
static enum outcome serve(int fd, PyObject *connection, PyObject *receiver, PyObject *known,
                          PyObject *now, PyObject **heard, long *lines) {
    ssize_t size = recv(fd, in, sizeof in, MSG_DONTWAIT);
    if (size < 0) {
        /* The ordinary way reads from it once more, and finds the error or the end. */
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? NOTHING : LEFT;
    }
    long count;
    Py_ssize_t filled = answers_to(size, known, &count);
    if (filled < 0) return FAILED;
    if (!filled) {
        *heard = PyBytes_FromStringAndSize(in, size);
        return *heard ? HEARD : FAILED;
    }
    if (PyObject_SetAttr(receiver, s_last_line_at, now)) return FAILED;
    *lines += count;
    ssize_t sent = send(fd, out, filled, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == filled) return ANSWERED;
    if (sent < 0) sent = 0; /* The ordinary way is told why, or that it has to wait. */
    PyObject *done = PyObject_CallMethod(connection, "write", "y#", out + sent, filled - sent);
    if (!done) return FAILED;
    Py_DECREF(done);
    return ANSWERED;
}

/* Puts a pair of both into the list. */
static int append(PyObject *list, PyObject *connection, PyObject *what) {
    PyObject *item = PyTuple_Pack(2, connection, what);
    int failed = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return failed;
}

/* Puts the exception that is set into `faults`, and it is not set any more. */
static int note_fault(PyObject *faults, PyObject *connection) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    int failed = value ? append(faults, connection, value) : -1;
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return failed;
}

/* Sees to one connection that has something to read. */
static int see_to(PyObject *pair, int fd, PyObject *connection, PyObject *known, PyObject *now,
                  PyObject *left, PyObject *heard, PyObject *faults, long *lines) {
    enum outcome outcome = FAILED;
    PyObject *data = NULL;
    PyObject *receiver = PyObject_GetAttr(connection, s_receiver);
    if (receiver) {
        int simple = is_simple(connection, receiver);
        if (simple > 0) outcome = serve(fd, connection, receiver, known, now, &data, lines);
        if (simple == 0) outcome = LEFT;
        Py_DECREF(receiver);
    }
    int failed = 0;
    if (outcome == FAILED) failed = note_fault(faults, connection);
    if (outcome == LEFT) failed = PyList_Append(left, pair);
    if (outcome == HEARD) failed = append(heard, connection, data);
    Py_XDECREF(data);
    return failed;
}

/* Sees to one that is ready. */
static int see_to_number(PyObject *pair, PyObject *connections, PyObject *known, PyObject *now,
                         PyObject *left, PyObject *heard, PyObject *faults, long *lines) {
    PyObject *number = PyTuple_GetItem(pair, 0);
    PyObject *events = PyTuple_GetItem(pair, 1);
    if (!number || !events) return -1;
    PyObject *connection = PyDict_GetItemWithError(connections, number); /* borrowed */
    if (!connection) return PyErr_Occurred() ? -1 : PyList_Append(left, pair);
    long happened = PyLong_AsLong(events);
    if (happened == -1 && PyErr_Occurred()) return -1;
    if (happened != READABLE) return PyList_Append(left, pair);
    long fd = PyLong_AsLong(number);
    if (fd == -1 && PyErr_Occurred()) return -1;
    Py_INCREF(connection);
    int failed = see_to(pair, (int)fd, connection, known, now, left, heard, faults, lines);
    Py_DECREF(connection);
    return failed;
}

static PyObject *answer_known(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *ready, *connections, *known, *now, *rest;
    if (!PyArg_ParseTuple(args, "O!O!O!OO:answer_known", &PyList_Type, &ready, &PyDict_Type,
                          &connections, &PyDict_Type, &known, &now, &rest))
        return NULL;
    PyObject *left = PyObject_GetAttrString(rest, "left");
    PyObject *heard = left ? PyObject_GetAttrString(rest, "heard") : NULL;
    PyObject *faults = heard ? PyObject_GetAttrString(rest, "faults") : NULL;
    long lines = 0;
    int failed = !faults;
    for (Py_ssize_t n = 0; !failed && n < PyList_Size(ready); n++) {
        PyObject *pair = PyList_GetItem(ready, n);
        Py_INCREF(pair);
        failed = see_to_number(pair, connections, known, now, left, heard, faults, &lines);
        Py_DECREF(pair);
    }
    Py_XDECREF(left);
    Py_XDECREF(heard);
    Py_XDECREF(faults);
    return failed ? NULL : PyLong_FromLong(lines);
}

static PyMethodDef methods[] = {{"answer_known", answer_known, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_known_lines",
                                        .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit__known_lines(void) {
    if (!(s_at_rest = PyUnicode_InternFromString("at_rest"))) return NULL;
    if (!(s_receiver = PyUnicode_InternFromString("receiver"))) return NULL;
    if (!(s_last_line_at = PyUnicode_InternFromString("last_line_at"))) return NULL;
    if (!(s_unsent = PyUnicode_InternFromString("unsent"))) return NULL;
    PyObject *module = PyModule_Create(&definition);
    PyObject *built_for = Py_BuildValue("(iii)", INTERFACE, READ_BYTES, ANSWERED_BYTES_MAX);
    if (!module || !built_for || PyModule_AddObjectRef(module, "BUILT_FOR", built_for))
        Py_CLEAR(module);
    Py_XDECREF(built_for);
    return module;
}
