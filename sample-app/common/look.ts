import { catchError, defer, distinctUntilChanged, EMPTY, exhaustMap, type Observable, shareReplay, timer } from 'rxjs';

/**
 * For what does not say when it changes: looks now and then, while anybody is interested, once for all of them, and tells only of changes. A look that
 * fails is left out.
 */
export function look$<T>(everyMs: number, look: () => Promise<T>): Observable<T> {
  return timer(0, everyMs).pipe(
    exhaustMap(() => defer(look).pipe(catchError(() => EMPTY))),
    distinctUntilChanged((a, b) => JSON.stringify(a) === JSON.stringify(b)),
    shareReplay({ bufferSize: 1, refCount: true }),
  );
}
