// Companies and their members: what administrators enter in WeCom's console.

/** An app of a company: its secret, and what the administrator set for it. */
export interface App {
  corpid: string;
  corpsecret: string;
  /** Linked with the mini-program. */
  linked: boolean;
  /** Stopped by the administrator: gettoken returns 40001, the other endpoints 50003. */
  stopped: boolean;
  /** The caller's egress IP is in 企业可信IP; otherwise every endpoint except gettoken returns 60020. */
  ipTrusted: boolean;
}

/** A company that uses the mini-program. Any other company is a stranger's. */
export interface Company {
  corpid: string;
  name: string;
  apps: [App, ...App[]];
}

/** What `addCompany` takes. */
export interface CompanyInput {
  corpid: string;
  corpsecret: string;
  name?: string;
  /** Default true. */
  linked?: boolean;
}

/** What `updateCompany` changes in the company's first app. With a new corpsecret, valid tokens stay valid. */
export interface CompanyChanges {
  corpsecret?: string;
  linked?: boolean;
  stopped?: boolean;
  ipTrusted?: boolean;
}

/** An employee, as user/get returns them. */
export interface Member {
  corpid: string;
  /** As the company spells it; WeCom compares without case. */
  userid: string;
  name: string;
  /** Only departments that the app may see: `[]` is possible for an allowed member. */
  department: number[];
  position: string;
  /** 1 activated, 2 disabled, 4 not activated, 5 left the company. */
  status: 1 | 2 | 4 | 5;
  /** In the visible range of the app. */
  visible: boolean;
  deleted: boolean;
  /** More fields of user/get, by their names there. */
  further?: Record<string, unknown>;
}

/** What `addMember` takes; defaults: department [1], position '', status 1, visible, not deleted. */
export type MemberInput = Pick<Member, 'corpid' | 'userid' | 'name'> & Partial<Member>;

/** What `updateMember` changes. */
export type MemberChanges = Partial<Omit<Member, 'corpid' | 'userid'>>;

/** A department. 1 is the root, which every company has. */
export interface Department {
  corpid: string;
  id: number;
  name: string;
  parentid: number;
  /** In the visible range of the app. */
  visible: boolean;
}

/** A tag with its members and departments. */
export interface Tag {
  corpid: string;
  tagid: number;
  tagname: string;
  userids: string[];
  departments: number[];
}

/** What `setPlaces` takes. */
export interface Places {
  departments: readonly { id: number; name: string; parentid?: number | undefined }[];
  tags: readonly {
    tagid: number;
    tagname: string;
    userids?: string[] | undefined;
    departments?: number[] | undefined;
  }[];
}

/** Identifies a person; the corpid may be a stranger's. */
export interface Person {
  corpid: string;
  userid: string;
}

/** Returns one key per person. WeCom compares userids without case; here only ASCII letters. */
export function personKey({ corpid, userid }: Person): string {
  return `${corpid}/${userid.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())}`;
}

/** Creates an empty directory. */
export function createDirectory() {
  const companies = new Map<string, Company>();
  const members = new Map<string, Member>();
  const departments = new Map<string, Department>();
  const tags = new Map<string, Tag>();

  function company(corpid: string): Company {
    const found = companies.get(corpid);
    if (!found) throw new Error(`no company ${corpid} was added`);
    return found;
  }

  return {
    companies,
    members,
    departments,
    tags,

    findMember: (person: Person): Member | undefined => members.get(personKey(person)),

    addCompany(input: CompanyInput): void {
      if (companies.has(input.corpid))
        throw new Error(`company ${input.corpid} exists; addApp adds a secret`);
      const { corpid, name = input.corpid } = input;
      companies.set(corpid, { corpid, name, apps: [newApp(input)] });
      departments.set(`${corpid}/1`, { corpid, id: 1, name, parentid: 0, visible: true });
    },

    addApp(input: CompanyInput): void {
      const { apps } = company(input.corpid);
      if (apps.some(({ corpsecret }) => corpsecret === input.corpsecret)) {
        throw new Error('that secret belongs to another app of this company');
      }
      apps.push(newApp(input));
    },

    updateCompany(corpid: string, changes: CompanyChanges): void {
      Object.assign(company(corpid).apps[0], changes);
    },

    addMember(input: MemberInput): void {
      company(input.corpid);
      if (members.has(personKey(input))) throw new Error(`member ${personKey(input)} exists`);
      members.set(personKey(input), {
        department: [1],
        position: '',
        status: 1,
        visible: true,
        deleted: false,
        ...input,
      });
    },

    /** Adds a department, or replaces the one with this id. */
    setDepartment(input: Omit<Department, 'visible'> & Partial<Department>): void {
      company(input.corpid);
      departments.set(`${input.corpid}/${input.id}`, { visible: true, ...input });
    },

    /** Adds a tag, or replaces the one with this id. */
    setTag(input: Pick<Tag, 'corpid' | 'tagid'> & Partial<Tag>): void {
      company(input.corpid);
      const tag = { tagname: `tag ${input.tagid}`, userids: [], departments: [], ...input };
      tags.set(`${input.corpid}/${input.tagid}`, tag);
    },

    /** Makes these the departments, below the root, and the tags of a company, and no others. */
    setPlaces(corpid: string, places: Places): void {
      for (const kind of [departments, tags]) {
        for (const [key, each] of kind) if (each.corpid === corpid) kind.delete(key);
      }
      const root = { id: 1, name: company(corpid).name, parentid: 0 };
      for (const each of [root, ...places.departments]) {
        const parentid = each.id === root.id ? 0 : (each.parentid ?? root.id);
        departments.set(`${corpid}/${each.id}`, { visible: true, ...each, corpid, parentid });
      }
      for (const { tagid, tagname, userids = [], departments: its = [] } of places.tags) {
        tags.set(`${corpid}/${tagid}`, { corpid, tagid, tagname, userids, departments: its });
      }
    },

    updateMember(corpid: string, userid: string, changes: MemberChanges): void {
      const member = members.get(personKey({ corpid, userid }));
      if (!member) throw new Error(`no member ${userid} was added to company ${corpid}`);
      Object.assign(member, changes);
    },
  };
}

/** What {@link createDirectory} returns. */
export type Directory = ReturnType<typeof createDirectory>;

function newApp({ corpid, corpsecret, linked = true }: CompanyInput): App {
  return { corpid, corpsecret, linked, stopped: false, ipTrusted: true };
}
