/*
 * export - what the shared library shows to its users.
 */
#ifndef BELLHOP_EXPORT_H
#define BELLHOP_EXPORT_H

#if defined(__GNUC__) && __GNUC__ >= 4
#define BH_EXPORT __attribute__((visibility("default")))
#else
#define BH_EXPORT
#endif

#endif
