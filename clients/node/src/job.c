#include "addon.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void finish(struct env *e, struct job *j)
{
	struct job **at = &e->running;
	pthread_mutex_lock(&e->lock);
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	j->next = e->done;
	e->done = j;
	env_notify(e);
	pthread_cond_signal(&e->ended);
	pthread_mutex_unlock(&e->lock);
}

static void drop(struct job *j)
{
	j->drop(j);
	free(j);
}

static void *run(void *arg)
{
	struct job *j = arg;
	j->run(j);
	if (atomic_exchange(&j->claimed, 1) == 0)
		finish(j->env, j);
	else
		drop(j);
	return NULL;
}

static int start(struct job *j)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int rc;
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, run, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc;
}

/* Starts a job, which is the environment's from then on. Its callback is called later, never from in here. */
napi_value job_start(struct env *e, struct job *j, napi_value callback)
{
	int rc;
	j->env = e;
	if (callback != NULL && napi_create_reference(e->napi, callback, 1, &j->callback) != napi_ok)
		j->callback = NULL; /* nobody is told */
	env_hold(e, 1);
	pthread_mutex_lock(&e->lock);
	j->next = e->running;
	e->running = j;
	pthread_mutex_unlock(&e->lock);
	if ((rc = start(j)) == 0)
		return NULL;
	if (j->outlives) {
		j->rc = j->err.code = SHMQ_E_SYSTEM;
		j->err.os = rc;
		strcpy(j->err.text, "shmq: no thread can be had for the call; raise the limit on processes");
	} else {
		j->run(j); /* a queue is left, though everything waits for it */
	}
	finish(e, j);
	return NULL;
}

static void deliver(struct env *e, struct job *j)
{
	napi_value argv[4];
	napi_handle_scope scope;
	if (napi_open_handle_scope(e->napi, &scope) != napi_ok)
		return;
	argv[3] = j->rc < 0 || j->result == NULL ? nothing(e->napi) : j->result(e->napi, j);
	argv[0] = number(e->napi, j->rc < 0 ? (double)j->rc : 0);
	argv[1] = number(e->napi, j->err.os);
	argv[2] = text(e->napi, j->rc < 0 ? j->err.text : "");
	if (j->callback != NULL) {
		env_call(e, j->callback, 4, argv);
		napi_delete_reference(e->napi, j->callback);
	}
	napi_close_handle_scope(e->napi, scope);
}

/* Calls the callbacks of the jobs that have ended. */
void job_deliver(struct env *e)
{
	struct job *list, *turned = NULL, *j;
	pthread_mutex_lock(&e->lock);
	list = e->done;
	e->done = NULL;
	pthread_mutex_unlock(&e->lock);
	while ((j = list) != NULL) { /* the oldest first */
		list = j->next;
		j->next = turned;
		turned = j;
	}
	while ((j = turned) != NULL) {
		turned = j->next;
		env_hold(e, -1);
		deliver(e, j);
		drop(j);
	}
}

/* Waits for the jobs, at the end of the environment, and drops their results. Those that need nothing of it, which may
 * wait for a minute for another process, are left to their threads. */
void job_end_all(struct env *e)
{
	struct job **at = &e->running, *j, *next;
	pthread_mutex_lock(&e->lock);
	while ((j = *at) != NULL) {
		next = j->next;
		if (j->outlives && atomic_exchange(&j->claimed, 1) == 0)
			*at = next;
		else
			at = &j->next;
	}
	while (e->running != NULL)
		pthread_cond_wait(&e->ended, &e->lock);
	pthread_mutex_unlock(&e->lock);
	while ((j = e->done) != NULL) {
		e->done = j->next;
		drop(j);
	}
}
