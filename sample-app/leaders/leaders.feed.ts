import { Injectable, type MessageEvent } from '@nestjs/common';
import { ActorRepository, InjectActor, Projections } from 'omniscient-nest';
import { map, merge, type Observable } from 'rxjs';
import { look$ } from '../common/look.js';
import { ALL_PLAYERS, LeaderBoard, leadersOf } from './leader-board.js';
import { LeaderTable } from './leader-table.js';

/** How often the table is looked at. */
const LOOK_MS = 250;

/** Both leader boards, and how far the table is. */
@Injectable()
export class LeadersFeed {
  readonly messages$: Observable<MessageEvent>;

  constructor(
    @InjectActor(LeaderBoard) boards: ActorRepository<LeaderBoard>,
    table: LeaderTable,
    projections: Projections,
  ) {
    const board$ = boards.state$(ALL_PLAYERS).pipe(map((state) => ({ type: 'board', data: leadersOf(state) })));
    const table$ = look$(LOOK_MS, async () => ({
      leaders: table.leaders(),
      progress: await projections.progress(LeaderTable),
    }));
    this.messages$ = merge(board$, table$.pipe(map((data) => ({ type: 'table', data }))));
  }
}
