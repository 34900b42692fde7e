/*===- Status.h - what functions of the C interfaces return -----------------------------------===//
 *
 * A function that can fail returns a status. Where that is not StcOk, it sets no output but
 * `error`, to a line for a person, if that is not null (and to null if there is no memory for it).
 * What a function hands out as char * is UTF-8, ends in a zero byte, and is freed with stcFree.
 *
 *===--------------------------------------------------------------------------------------===*/
#ifndef STC_CAPI_STATUS_H
#define STC_CAPI_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum StcStatus {
  StcOk = 0,
  /* An argument, or what a text or a file says, is wrong. */
  StcInvalid = 1,
  /* No answer was found within the work that one question may take. */
  StcUndecided = 2,
  /* The machine has not what is needed: memory, or a feature of its CPU. */
  StcMachine = 3,
  /* The system refused to read or write a file. */
  StcFile = 4,
} StcStatus;

/* Frees what a function handed out; null is nothing. */
void stcFree(char *text);

#ifdef __cplusplus
}
#endif

#endif
